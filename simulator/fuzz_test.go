package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

// Whatever is asked, the answer is JSON: a client's mistake must not look like a portal's.
func FuzzAnswersAreJSON(f *testing.F) {
	for _, query := range []string{
		"crm.item.list?entityTypeId=2&filter[0][logic]=OR&filter[0][0][!@id][]=1&order[id]=DESC&start=50",
		"crm.deal.list?filter[!@DATE_CREATE][]=x&filter[%25TITLE]=a&select[]=*&select[]=UF_*&start=-1",
		"crm.stagehistory.list?entityTypeId=2&filter[OWNER_ID][]=1&filter[>ID]=$result[a][items][0][ID]",
		"crm.item.update?entityTypeId=2&id=1&fields[ufCrmTags][]=1&fields[closedate]=x&fields[opportunity]=1e9",
		"batch?cmd[a]=crm.item.list%3FentityTypeId%3D2&cmd[b]=crm.deal.get%3Fid%3D%24result[a][items][0][id]&halt=1",
		"batch?cmd[]=user.get%3FFILTER[ID][][]=%24result[0][x]&cmd[]=department.get%3FID[a]=1",
		"crm.deal.userfield.add?fields[FIELD_NAME]=X&fields[USER_TYPE_ID]=date",
		"crm.item.batchImport?entityTypeId=2&data[][title]=x",
		"crm.status.list?filter[][]=1&order[SORT]=up", "a[b=%zz&[]=1&=2&%5B=3",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if !strings.Contains(query, "?") || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return // no request line
		}
		path, rest, _ := strings.Cut(query, "?")
		if strings.ContainsAny(path, "%#/") || slices.Contains([]string{"", ".", ".."}, path) {
			return // another path
		}
		w := writableWorld()
		for _, unresolved := range []simulator.UnresolvedReferences{simulator.KeptAsText, simulator.DeepestContainer, simulator.Dropped} {
			p := simulator.New(w, simulator.Options{Now: func() time.Time { return morning }, Quirks: simulator.Quirks{UnresolvedReferences: unresolved}})
			recorder := httptest.NewRecorder()
			p.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/rest/1/secret/"+path+"?"+rest, nil))
			if !json.Valid(recorder.Body.Bytes()) {
				t.Errorf("%s answers %q", query, recorder.Body)
			}
		}
	})
}
