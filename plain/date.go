package plain

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var likeDate = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)$`)

// WrongDate says of a text that has the form of a date, 2006-01-02, why there is no such date. It is empty for one
// that there is, and for a text of another form.
func WrongDate(text string) string {
	parts := likeDate.FindStringSubmatch(text)
	if parts == nil {
		return ""
	}
	year, _ := strconv.Atoi(parts[1])
	month, _ := strconv.Atoi(parts[2])
	day, _ := strconv.Atoi(parts[3])
	if month < 1 || month > 12 {
		return fmt.Sprintf("%s does not exist: the months are 01 to 12", text)
	}
	last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC)
	if day < 1 || day > last.Day() {
		return fmt.Sprintf("%s does not exist: this month has %d days", text, last.Day())
	}
	return ""
}
