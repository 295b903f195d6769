package config

import (
	"errors"
	"net"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/plain"
)

// A leaf tells how a scalar becomes a value of one type.
type leaf struct {
	expects string   // what a person should write, after "expected"
	tags    []string // the YAML types that it may be written as
	parse   func(text string, dst reflect.Value) error
	kind    Kind // of the thing that it is the id of; empty for none
}

func (l leaf) takes(tag string) bool { return slices.Contains(l.tags, tag) }

// errUnlike stands for: not what the leaf expects.
var errUnlike = errors.New("unlike what is expected")

// LongestPlan is the longest plan, in days: a hundred years, so that no sum of dates overflows.
const LongestPlan = 36_500

// leaves are the types that a scalar is read into.
var leaves = map[reflect.Type]leaf{
	reflect.TypeFor[string](): leafOf("a text", []string{"!!str"}, func(text string) (string, error) {
		return text, unless(text != "")
	}),
	reflect.TypeFor[Path](): leafOf("a path", []string{"!!str"}, func(text string) (Path, error) {
		return Path(text), unless(text != "")
	}),
	reflect.TypeFor[int32](): leafOf("a whole number of days from 0 to 36500", []string{"!!int"}, func(text string) (int32, error) {
		n, err := strconv.ParseInt(text, 10, 32)
		return int32(n), unless(err == nil && n >= 0 && n <= LongestPlan)
	}),
	reflect.TypeFor[time.Time](): leafOf("a date such as 2026-09-01", []string{"!!timestamp", "!!str"}, func(text string) (time.Time, error) {
		if wrong := plain.WrongDate(text); wrong != "" {
			return time.Time{}, errors.New(wrong)
		}
		t, err := time.Parse(time.DateOnly, text)
		// What ClickHouse's Date can hold.
		return t, unless(err == nil && t.Year() >= 1970 && t.Year() < 2149)
	}),
	reflect.TypeFor[time.Duration](): leafOf("a time of a minute or more such as 26h", []string{"!!str"}, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		return d, unless(err == nil && d >= time.Minute)
	}),
	reflect.TypeFor[Least](): leafOf("a time such as 5m, or 0s for none", []string{"!!str", "!!int"}, func(text string) (Least, error) {
		d, err := time.ParseDuration(text)
		return Least(d), unless(err == nil && d >= 0)
	}),
	reflect.TypeFor[bool](): leafOf("true or false", []string{"!!bool", "!!str"}, func(text string) (bool, error) {
		value, err := strconv.ParseBool(text)
		return value, unless(err == nil)
	}),
	reflect.TypeFor[ListenAddress](): leafOf("an address such as 127.0.0.1:9469, or off", []string{"!!str"}, func(text string) (ListenAddress, error) {
		if text == "off" || text == "" {
			return "", nil
		}
		host, port, err := net.SplitHostPort(text)
		n, wrong := strconv.ParseUint(port, 10, 16)
		isAddress := err == nil && wrong == nil && host != "" && hostName.MatchString(host)
		return ListenAddress(net.JoinHostPort(host, strconv.FormatUint(n, 10))), unless(isAddress)
	}),
	reflect.TypeFor[LoopbackAddress](): leafOf("an address of this machine such as 127.0.0.1:9000, or 127.0.0.1:0 for any port", []string{"!!str"}, func(text string) (LoopbackAddress, error) {
		host, port, err := net.SplitHostPort(text)
		n, wrong := strconv.ParseUint(port, 10, 16)
		if err != nil || wrong != nil {
			return "", errUnlike
		}
		if strings.EqualFold(host, "localhost") {
			host = "127.0.0.1"
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return "", errors.New("the embedded warehouse answers on this machine only: write 127.0.0.1:PORT, and use a ClickHouse server for readers on others")
		}
		return LoopbackAddress(net.JoinHostPort(host, strconv.FormatUint(n, 10))), nil
	}),
	reflect.TypeFor[*time.Location](): leafOf("an IANA time zone such as Europe/Moscow", []string{"!!str"}, func(text string) (*time.Location, error) {
		// Local would be another zone on another machine.
		zone, err := time.LoadLocation(text)
		return zone, unless(err == nil && text != "" && text != "Local")
	}),
	reflect.TypeFor[extractor.FunnelID](): leafOf("a funnel id such as 5 (stagelag init writes the ids with the names beside them)", []string{"!!int"}, func(text string) (extractor.FunnelID, error) {
		n, err := strconv.ParseUint(text, 10, 32)
		return extractor.FunnelID(n), unless(err == nil)
	}).of(KindFunnel),
	reflect.TypeFor[extractor.StageID](): leafOf("a stage id such as C5:DOCS", []string{"!!str", "!!int"}, func(text string) (extractor.StageID, error) {
		isID := text != "" && text == strings.TrimSpace(text) && !strings.Contains(text, "${") && text == printable(text)
		return extractor.StageID(text), unless(isID)
	}),
	reflect.TypeFor[FieldName](): leafOf("the name of a field such as UF_CRM_DOCS_DAYS", []string{"!!str"}, func(text string) (FieldName, error) {
		return FieldName(strings.ToUpper(text)), unless(fieldName.MatchString(text))
	}).of(KindField),
	reflect.TypeFor[DimensionName](): leafOf("a name such as region, of at most 40 letters, digits, spaces and _ - .", []string{"!!str"}, func(text string) (DimensionName, error) {
		return DimensionName(text), unless(dimensionName.MatchString(text) && text == strings.TrimSpace(text) && utf8.RuneCountInString(text) <= 40)
	}),
	reflect.TypeFor[*Share](): leafOf("a share above 0 and up to 1, such as 0.85", []string{"!!float", "!!int"}, func(text string) (*Share, error) {
		n, err := strconv.ParseFloat(text, 64)
		share := Share(n)
		return &share, unless(err == nil && n > 0 && n <= 1)
	}),
	reflect.TypeFor[bitrix24.Limits](): leafOf("standard, enterprise or none", []string{"!!str"}, func(text string) (bitrix24.Limits, error) {
		limits := bitrix24.Limits(text)
		return limits, unless(slices.Contains([]bitrix24.Limits{bitrix24.Standard, bitrix24.Enterprise, bitrix24.Unlimited}, limits))
	}),
	reflect.TypeFor[Language](): leafOf("en or ru", []string{"!!str"}, func(text string) (Language, error) {
		return Language(text), unless(slices.Contains([]Language{English, Russian}, Language(text)))
	}),
	reflect.TypeFor[CalendarKind](): leafOf("calendar or working", []string{"!!str"}, func(text string) (CalendarKind, error) {
		return CalendarKind(text), unless(slices.Contains([]CalendarKind{CalendarDays, WorkingDays}, CalendarKind(text)))
	}),
	reflect.TypeFor[time.Weekday](): leafOf("a weekday: "+strings.Join(weekdays, ", "), []string{"!!str"}, func(text string) (time.Weekday, error) {
		day := slices.Index(weekdays, strings.ToLower(text))
		return time.Weekday(day), unless(day >= 0)
	}),
	reflect.TypeFor[List](): leafOf("the name of a list such as ru, or a file such as company.csv", []string{"!!str"}, func(text string) (List, error) {
		isName := text != "" && text == strings.TrimSpace(text) && !strings.Contains(text, "://") && !strings.ContainsFunc(text, unicode.IsControl)
		return List{Name: text}, unless(isName)
	}),
	reflect.TypeFor[DialogID](): leafOf("a chat such as chat42, whose number stands in its address", []string{"!!str", "!!int"}, func(text string) (DialogID, error) {
		return DialogID(text), unless(dialogID.MatchString(text))
	}),
	reflect.TypeFor[MailAddress]():      leafOf("an address such as boss@example.com", []string{"!!str"}, parseMailAddress),
	reflect.TypeFor[MailURL]():          leafOf("the address of a mail server such as smtp://user:password@mail.example.com", []string{"!!str"}, ParseMailURL),
	reflect.TypeFor[bitrix24.Webhook](): leafOf("the address of an inbound webhook", []string{"!!str"}, bitrix24.ParseWebhook),
	reflect.TypeFor[WarehouseURL]():     leafOf("embedded or the address of a ClickHouse server", []string{"!!str"}, ParseWarehouseURL),
}

// weekdays are those of time.Weekday, as people abbreviate them.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// hostName is like a name or an IP address; one of version 6 may have a zone.
var hostName = regexp.MustCompile(`^[A-Za-z0-9.:%_-]+$`)

var dialogID = regexp.MustCompile(`^(chat|sg)?[1-9][0-9]{0,17}$`)

var dimensionName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}_. -]*$`)

var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func leafOf[T any](expects string, tags []string, parse func(text string) (T, error)) leaf {
	return leaf{expects: expects, tags: tags, parse: func(text string, dst reflect.Value) error {
		value, err := parse(text)
		if err == nil {
			dst.Set(reflect.ValueOf(value))
		}
		return err
	}}
}

// of is the leaf for the ids of things of a kind.
func (l leaf) of(kind Kind) leaf {
	l.kind = kind
	return l
}

func unless(isLike bool) error {
	if isLike {
		return nil
	}
	return errUnlike
}
