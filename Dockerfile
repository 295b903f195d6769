# The program alone, for a warehouse on a server: the embedded engine is not in the image.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
ARG COMMIT=
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /stagelag ./cmd/stagelag

# The program loads libraries at run time, so it needs a C library beside it.
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /stagelag /usr/local/bin/stagelag
WORKDIR /etc/stagelag
ENTRYPOINT ["/usr/local/bin/stagelag"]
CMD ["--help"]
