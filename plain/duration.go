package plain

import (
	"fmt"
	"time"
)

// Duration is the length of a time for a person, without its sign: in days from two days on, else in hours,
// minutes and seconds, of which it gives the two largest.
func Duration(d time.Duration) string {
	d = d.Abs().Round(time.Second)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return pair(d, time.Hour, "h", time.Minute, "min")
	case d >= time.Minute:
		return pair(d, time.Minute, "min", time.Second, "s")
	default:
		return fmt.Sprintf("%d s", d/time.Second)
	}
}

func pair(d, whole time.Duration, unit string, part time.Duration, smaller string) string {
	text := fmt.Sprintf("%d %s", d/whole, unit)
	if rest := d % whole / part; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, smaller)
	}
	return text
}
