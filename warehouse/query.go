package warehouse

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"stagelag/warehouse/exception"
)

// analyst is where and as whom Query asks, over HTTP.
type analyst struct {
	url      *url.URL
	tls      *tls.Config
	database string
	user     string
	password string
	settings map[string]string // sent with each query
}

// limits make a read-only user of one that may write, for one query. With what else
// the analyst gets they match the profile of analyst in users.xml. With readonly=1 the query cannot change
// any of them.
var limits = map[string]string{
	"readonly":           "1",
	"max_execution_time": "600",
	"max_memory_usage":   "8000000000",
	"max_result_rows":    "10000000",
	"max_result_bytes":   "20000000000",
	"cancel_http_readonly_queries_on_client_close": "1",
	"format_csv_null_representation":               "",
}

// Query runs one statement as the read-only analyst and writes the result to out
// as it comes. Format is a ClickHouse format name, used unless the statement
// names one itself. What the engine refuses is an *EngineError; part of the
// result can have been written by then.
func (w *Warehouse) Query(ctx context.Context, out io.Writer, sql, format string) error {
	if err := w.analyst.query(ctx, out, sql, format); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	return nil
}

// errNoAnswer is an engine that ended, or hung up, before it had answered.
var errNoAnswer = errors.New("the engine did not answer")

// query asks again when there was no answer: the analyst only reads.
func (a analyst) query(ctx context.Context, out io.Writer, sql, format string) error {
	const tries = 3
	for try := 1; ; try++ {
		err := a.queryOnce(ctx, out, sql, format)
		if !errors.Is(err, errNoAnswer) || try == tries {
			return err
		}
	}
}

func (a analyst) queryOnce(ctx context.Context, out io.Writer, sql, format string) error {
	parameters := url.Values{"database": {a.database}, "default_format": {format}}
	for name, value := range a.settings {
		parameters.Set(name, value)
	}
	at := *a.url
	at.RawQuery = parameters.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), strings.NewReader(sql))
	if err != nil {
		return err
	}
	// In headers, because an error prints the URL.
	request.Header.Set("X-ClickHouse-User", a.user)
	request.Header.Set("X-ClickHouse-Key", a.password)
	transport := &http.Transport{TLSClientConfig: a.tls, Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: noRedirect{transport}}).Do(request)
	if err != nil {
		if uerr, ok := errors.AsType[*url.Error](err); ok {
			err = uerr.Err // the rest is the parameters
		}
		return fmt.Errorf("%s: %w", a.url.Host, distrust(err))
	}
	defer response.Body.Close()
	tag := response.Header.Get("X-ClickHouse-Exception-Tag")
	if response.StatusCode == http.StatusOK {
		return copyResult(out, response.Body, tag)
	}
	// What the engine had of the result can stand before its complaint.
	var said tail
	if err := copyResult(&said, response.Body, tag); err != nil {
		if complaint, ok := errors.AsType[*exception.Error](err); ok {
			return complaint
		}
		return fmt.Errorf("%s: %w (%w)", a.url.Host, errNoAnswer, err)
	}
	if e := exception.Parse(string(said)); e != nil {
		return e
	}
	if response.StatusCode == http.StatusBadGateway {
		return fmt.Errorf("%s: %w", a.url.Host, errNoAnswer)
	}
	return fmt.Errorf("%s: %s", a.url.Host, response.Status)
}

// A tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	if extra := len(*t) - longestException; extra > 0 {
		*t = append((*t)[:0], (*t)[extra:]...)
	}
	return len(p), nil
}

// longestException is more than what the engine writes of one at the end of a
// result that it had begun to send.
const longestException = 32 << 10

// copyResult copies a result and takes off the exception that can follow it:
//
//	\r\n__exception__\r\n<tag>\r\n<message>\n<length> <tag>\r\n__exception__\r\n
//
// The tag is a random word, told in a header, so that no data can look like it.
func copyResult(out io.Writer, body io.Reader, tag string) error {
	if tag == "" { // a server that does not announce exceptions
		_, err := io.Copy(out, body)
		return err
	}
	buffer := make([]byte, 8*longestException)
	held := 0 // bytes in the buffer; the last of them may be an exception
	for {
		n, err := body.Read(buffer[held:])
		held += n
		if err == nil {
			if held == len(buffer) {
				passed := held - longestException
				if _, err := out.Write(buffer[:passed]); err != nil {
					return err
				}
				held = copy(buffer, buffer[passed:])
			}
			continue
		}
		result, complaint, found := bytes.Cut(buffer[:held], []byte("\r\n__exception__\r\n"+tag+"\r\n"))
		if _, writeErr := out.Write(result); writeErr != nil {
			return writeErr
		}
		if found {
			if e := exception.Parse(string(complaint)); e != nil {
				return e
			}
			return errors.New("the engine broke the result off")
		}
		if err == io.EOF {
			return nil
		}
		return fmt.Errorf("the result broke off: %w", err)
	}
}
