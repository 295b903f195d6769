package plain

import (
	"fmt"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message/catalog"
)

// A Noun is a number with a noun, %d in each, in the plural forms that English and Russian have.
type Noun struct{ Key, One, Other, RussianOne, RussianFew, RussianMany string }

// The nouns that every text counts.
var (
	Days        = Noun{"days", "%d day", "%d days", "%d день", "%d дня", "%d дней"}
	WorkingDays = Noun{"working days", "%d working day", "%d working days", "%d рабочий день", "%d рабочих дня", "%d рабочих дней"}
	Deals       = Noun{"deals", "%d deal", "%d deals", "%d сделка", "%d сделки", "%d сделок"}
)

// Nouns is a catalog of messages that has the nouns under their keys. It panics where one has a form that is none.
func Nouns(nouns ...Noun) *catalog.Builder {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	set := func(tag language.Tag, key string, forms ...any) {
		if err := b.Set(tag, key, plural.Selectf(1, "%d", forms...)); err != nil {
			panic(fmt.Sprintf("the noun %s: %v", key, err))
		}
	}
	for _, n := range nouns {
		set(language.English, n.Key, plural.One, n.One, plural.Other, n.Other)
		set(language.Russian, n.Key, plural.One, n.RussianOne, plural.Few, n.RussianFew, plural.Many, n.RussianMany, plural.Other, n.RussianFew)
	}
	return b
}
