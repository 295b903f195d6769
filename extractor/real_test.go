package extractor_test
import ("testing";"time";"stagelag/portal";"os")
func TestReal(t *testing.T){
	f, err := os.Open("/work/shared/data/servicenow_incidents.visits.csv.gz"); if err != nil { t.Fatal(err) }
	w, err := portal.ReadVisits(f); if err != nil { t.Fatal(err) }
	for _, l := range []portal.Limits{portal.NoLimits, portal.Standard} {
	s := newSite(t, w, portal.Options{Limits: l})
	if l == portal.NoLimits { s.clock.now = time.Date(2017,2,19,12,0,0,0,time.UTC); w.Advance(s.clock.now) } else {s.clock.now = time.Date(2017,2,19,12,0,0,0,time.UTC)}
	began := time.Now()
	r := s.mustExtract()
	t.Log(l, time.Since(began), r.DealsRead, r.ChangesRead, r.Requests, r.Waited, r.Warnings, allowed(r.DealsRead, r.ChangesRead), s.clock.now)
	began = time.Now()
	r = s.later()
	t.Log(l, time.Since(began), r.DealsRead, r.ChangesRead, r.Requests, r.Waited, r.Warnings)
	}
}
