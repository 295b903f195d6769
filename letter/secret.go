package letter

import (
	"encoding/base64"
	"net/url"
	"strings"

	"stagelag/config"
)

// redacted is the text of an error without the password, in any form in which a server may repeat it, and without the
// recipient and the number of the letter, which the library adds.
func redacted(err error, server config.MailServer) string {
	text, _, _ := strings.Cut(err.Error(), ", affected ")
	if server.Password == "" {
		return text
	}
	encode := base64.StdEncoding.EncodeToString
	for _, form := range []string{
		encode([]byte("\x00" + server.User + "\x00" + server.Password)), encode([]byte(server.Password)),
		url.QueryEscape(server.Password), url.PathEscape(server.Password), server.Password,
	} {
		text = strings.ReplaceAll(text, form, "***")
	}
	return text
}
