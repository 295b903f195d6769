package letter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"stagelag/config"
	"stagelag/reach"
	"stagelag/report"
)

// makeMail writes the letter that goes by mail, and the report that goes with it.
func (s *sending) makeMail(l *Letter) error {
	if s.page == nil {
		var b bytes.Buffer
		if err := report.WriteHTML(&b, s.content.report, report.Language(s.voice.language)); err != nil {
			return err
		}
		s.page = b.Bytes()
	}
	d := s.mailDocument()
	l.Text, l.Subject = d.text(s.voice), s.content.subject(s.voice)
	period := s.content.report.Period
	l.Attachment, l.Size = fmt.Sprintf("stagelag-report-%s-%s.html", period.From, period.To), len(s.page)
	return nil
}

// mailDocument is the summary, with a word on what is attached.
func (s *sending) mailDocument() document {
	d := s.content.summary(s.voice)
	d.closing = append(d.closing, textLine(fmt.Sprintf(s.voice.ReportBeside, reportPeriod(s.content.report, s.voice))))
	return d
}

// message is the mail of a letter. It has the same Message-ID whenever it is made, so that one that comes twice
// in spite of all looks so to a mail reader.
func (s *sending) message(l *Letter) (*mail.Msg, error) {
	from := string(s.Config.Letter.Mail.From)
	m := mail.NewMsg()
	if err := errors.Join(m.From(from), m.To(l.Recipient)); err != nil {
		return nil, err
	}
	d := s.mailDocument()
	page, err := d.html(s.voice)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(s.content.host + "\n" + l.Recipient))
	m.SetMessageIDWithValue("stagelag." + s.content.run.AsOf.String() + "." + hex.EncodeToString(sum[:8]) + from[strings.LastIndexByte(from, '@'):])
	m.SetDateWithValue(s.Now())
	m.SetUserAgent("stagelag")
	m.SetGenHeader("Auto-Submitted", "auto-generated") // nobody's absence answers it
	m.Subject(l.Subject)
	m.SetBodyString(mail.TypeTextPlain, l.Text)
	m.AddAlternativeString(mail.TypeTextHTML, page)
	m.AttachReadSeeker(l.Attachment, bytes.NewReader(s.page), mail.WithFileContentType("text/html; charset=utf-8"))
	return m, nil
}

// mailTimeout is how long a mail server may take for a letter. One that looks into mail takes its time behind the last
// line of it.
const mailTimeout = 2 * time.Minute

// dialTimeout is how long a connection may take.
const dialTimeout = 30 * time.Second

// A post is the way through a mail server. One connection takes all letters.
type post struct {
	config     config.LetterMail
	client     *mail.Client // nil while there is no connection
	connection net.Conn
	hopeless   error // what keeps every letter from being sent
	uncertain  int   // in a row
}

// open connects to the server, unless that is done.
func (p *post) open(ctx context.Context) error {
	switch {
	case p.hopeless != nil:
		return p.hopeless
	case p.uncertain >= mostUncertain:
		return fmt.Errorf("%d answers of the mail server in a row were lost", p.uncertain)
	case p.client != nil:
		return nil
	}
	client, err := p.dialed(ctx)
	if err != nil {
		p.hangUp()
		p.hopeless = p.explained(ctx, err)
		return p.hopeless
	}
	p.client = client
	return nil
}

// dialed is a client that is connected and may send.
func (p *post) dialed(ctx context.Context) (*mail.Client, error) {
	server := p.config.URL.Reveal()
	stop := func() bool { return true }
	defer func() { stop() }()
	options := []mail.Option{
		mail.WithPort(server.Port), mail.WithTimeout(mailTimeout), mail.WithoutNoop(), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			connection, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(dialing, network, address)
			if err != nil {
				return nil, err
			}
			p.connection = connection
			// The library asks the context while it connects, and not while it waits for what the server says then.
			stop = context.AfterFunc(ctx, func() { _ = connection.Close() })
			if !server.IsTLS {
				return connection, nil
			}
			encrypted := tls.Client(connection, &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12})
			err = encrypted.HandshakeContext(dialing)
			return encrypted, err
		}),
	}
	if server.IsTLS {
		options = append(options, mail.WithSSL())
	}
	if server.IsPlain {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if server.User != "" {
		options = append(options, mail.WithUsername(server.User), mail.WithPassword(server.Password), mail.WithOpportunisticSMTPAuth(
			mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	client, err := mail.NewClient(server.Host, options...)
	if err != nil {
		return nil, err
	}
	err = client.DialWithContext(ctx)
	return client, err
}

// TryMail connects to the mail server as for a letter, and sends none.
func TryMail(ctx context.Context, to config.LetterMail) error {
	p := &post{config: to}
	defer p.close()
	return p.open(ctx)
}

func (p *post) deliver(ctx context.Context, s *sending, l *Letter) error {
	m, err := s.message(l)
	if err != nil {
		return err
	}
	connection := p.connection
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	err = p.client.Send(m)
	stop()
	if err == nil || m.IsDelivered() {
		p.uncertain = 0
		if err != nil { // what comes after the delivery
			p.hangUp()
		}
		return nil
	}
	failure, ok := errors.AsType[*mail.SendError](err)
	code := 0
	if ok {
		code = failure.ErrorCode()
	}
	const closing = 421 // the server goes away
	if code == 0 || code == closing {
		p.hangUp()
	}
	err = p.explained(ctx, err)
	// The server has the whole letter, and did not say what becomes of it.
	if ok && failure.Reason == mail.ErrSMTPDataClose && code == 0 {
		p.uncertain++
		return fmt.Errorf("%w: %w", errUncertain, err)
	}
	return err
}

// hangUp ends the connection at once. A farewell would end a letter that is half sent, and the server would deliver
// the half.
func (p *post) hangUp() {
	if p.connection != nil {
		_ = p.connection.Close()
	}
	p.client, p.connection = nil, nil
}

// close takes leave of the server.
func (p *post) close() {
	if p.client != nil {
		_ = p.client.Close()
	}
	p.hangUp()
}

// explained is an error of the mail server, without what must not be shown, and with what to do about it.
func (p *post) explained(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the mail server %s: %w", p.config.URL, context.Cause(ctx))
	}
	text := redacted(err, p.config.URL.Reveal())
	if what := p.toDo(err); what != "" {
		text += "; " + what
	}
	return fmt.Errorf("the mail server %s: %s", p.config.URL, text)
}

// toDo is what to do about an error, empty where that is not known.
func (p *post) toDo(err error) string {
	const key = "letter.mail.url"
	server := p.config.URL.Reveal()
	reply, isReply := errors.AsType[*textproto.Error](err)
	_, isNoTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case isReply && (reply.Code == 534 || reply.Code == 535 || reply.Code == 538):
		return "check user and password in " + key
	case isReply && reply.Code == 530:
		return "the server wants a user and a password in " + key
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return "write smtps:// in " + key + ", or for a server of your own network that asks for no password smtp://HOST:PORT?tls=off"
	case isNoTLS:
		return "what listens there does not begin with TLS: write smtp:// in " + key + ", or another port"
	}
	return reach.Advice(err, net.JoinHostPort(server.Host, strconv.Itoa(server.Port)), key)
}
