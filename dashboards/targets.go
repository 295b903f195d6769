package dashboards

// Targets are the shares, from 0 to 1, that boards colour by. Without one a share has no colour: what is good is for the
// company to say.
type Targets struct {
	OnTimeRate float64
	Coverage   float64
}

func (t Targets) of(name string) float64 {
	switch name {
	case "on_time_rate":
		return t.OnTimeRate
	case "coverage":
		return t.Coverage
	default:
		return 0
	}
}
