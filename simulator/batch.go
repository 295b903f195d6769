package simulator

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const batchLimit = 50

// readCommands reads the cmd parameter. A command that is no text is skipped in silence.
func readCommands(params value) []Command {
	cmd := params.either("cmd", "CMD")
	if cmd.kind != isArray {
		return nil
	}
	var commands []Command
	for i, key := range cmd.array.keys {
		text := cmd.array.items[i]
		if text.kind != isText {
			continue
		}
		method, query, _ := strings.Cut(text.text, "?")
		inner := arrayValue()
		parseQuery(query, inner.array)
		command := Command{Key: key, Method: strings.ToLower(strings.Trim(method, "/ ")), Params: Params{inner}}
		switch {
		case len(commands) >= batchLimit:
			command.failure = badRequest("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
		case command.Method == "batch":
			command.failure = &Error{Status: http.StatusMethodNotAllowed, Code: "ERROR_BATCH_METHOD_NOT_ALLOWED", Text: "Method is not allowed for batch usage"}
		}
		commands = append(commands, command)
	}
	return commands
}

// A batchAnswer is the five maps of a batch. Their items lie in one buffer until all are
// there: only then it shows whether a map is an object or, by its keys, an array.
type batchAnswer struct {
	buffer                               []byte
	result, errors, totals, nexts, times []batchItem
}

type batchItem struct {
	key        string
	start, end int // in the buffer
}

func (a *batchAnswer) keep(into *[]batchItem, key string, start int) {
	*into = append(*into, batchItem{key, start, len(a.buffer)})
}

// item is the JSON text under a key, nil where there is none.
func (a *batchAnswer) item(of []batchItem, key string) []byte {
	for _, item := range of {
		if item.key == key {
			return a.buffer[item.start:item.end]
		}
	}
	return nil
}

// runBatch runs the commands one after another. The errors that are given by key stand in
// for the commands that they belong to.
func (p *Portal) runBatch(c *Call, given map[string]*Error) *answer {
	perBatch := p.options.Quirks.BatchAccounting == PerBatch
	if perBatch && p.isBlocked("batch", c.At) {
		return refusal(&OperationTimeLimit)
	}
	halts := c.Params.value.either("halt", "HALT").isTrue()
	a := batchAnswer{buffer: make([]byte, 0, 64<<10)}
	accounts := make(map[string]string) // by key
	for i := range c.Commands {
		command := &c.Commands[i]
		account := command.Method
		if perBatch {
			account = "batch"
		}
		accounts[command.Key] = account
		failure := command.failure
		if failure == nil {
			failure = given[command.Key]
		}
		if failure == nil {
			failure = p.runCommand(&a, command, c.At, account)
		}
		c.Cost += command.Cost
		if failure == nil {
			continue
		}
		command.HasFailed, command.Code = true, failure.Code
		inside := *failure
		if inside.Code == InsufficientScope.Code {
			inside.Text = ""
		}
		start := len(a.buffer)
		a.buffer = inside.append(a.buffer)
		a.keep(&a.errors, command.Key, start)
		if halts {
			break
		}
	}
	shown := p.appendTimes(&a, c, accounts)
	b := make([]byte, 0, len(a.buffer)+len(a.buffer)/8+1024)
	b = append(b, `{"result":{"result":`...)
	b = a.appendMap(b, a.result)
	b = a.appendMap(append(b, `,"result_error":`...), a.errors)
	b = a.appendMap(append(b, `,"result_total":`...), a.totals)
	b = a.appendMap(append(b, `,"result_next":`...), a.nexts)
	b = a.appendMap(append(b, `,"result_time":`...), a.times)
	b = append(b, `},"time":`...)
	b = p.appendTime(b, c.At, c.Cost, shown)
	return &answer{status: http.StatusOK, body: append(b, '}')}
}

func (p *Portal) runCommand(a *batchAnswer, command *Command, at time.Time, account string) *Error {
	command.IsRun = true
	params := a.resolve(command.Params.value, p.options.Quirks.UnresolvedReferences)
	start := len(a.buffer)
	out, err := p.invoke(command.Method, params, at, account, a.buffer)
	command.Cost = out.cost
	if err != nil {
		return err
	}
	a.buffer = out.body
	a.keep(&a.result, command.Key, start)
	if out.total >= 0 {
		start = len(a.buffer)
		a.buffer = strconv.AppendInt(a.buffer, int64(out.total), 10)
		a.keep(&a.totals, command.Key, start)
	}
	if out.next > 0 {
		start = len(a.buffer)
		a.buffer = strconv.AppendInt(a.buffer, int64(out.next), 10)
		a.keep(&a.nexts, command.Key, start)
	}
	return nil
}

// appendTimes writes the time of each command that succeeded, and returns what the batch
// itself shows.
func (p *Portal) appendTimes(a *batchAnswer, c *Call, accounts map[string]string) usage {
	var outer usage
	for i, item := range a.result {
		command := c.Commands[slices.IndexFunc(c.Commands, func(c Command) bool { return c.Key == item.key })]
		u := p.usage(accounts[item.key], c.At)
		switch p.options.Quirks.BatchAccounting {
		case PerMethod:
		case PerBatch:
			u.spent = max(u.spent, 100*time.Millisecond)
			outer = u
		case ShownByFirst:
			if i == 0 {
				outer = u
			} else {
				u.spent = 0
			}
		}
		start := len(a.buffer)
		a.buffer = p.appendTime(a.buffer, c.At, command.Cost, u)
		a.keep(&a.times, item.key, start)
	}
	return outer
}

// appendMap writes a map as PHP does: [] when it is empty, an array when its keys are 0 to
// n-1 in order, else an object.
func (a *batchAnswer) appendMap(b []byte, items []batchItem) []byte {
	isList := true
	for i, item := range items {
		isList = isList && item.key == strconv.Itoa(i)
	}
	if isList {
		b = append(b, '[')
	} else {
		b = append(b, '{')
	}
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		if !isList {
			b = append(appendText(b, item.key), ':')
		}
		b = append(b, a.buffer[item.start:item.end]...)
	}
	if isList {
		return append(b, ']')
	}
	return append(b, '}')
}

var reference = regexp.MustCompile(`\$(result|error|total|next)((?:\[[^\[\]]+\])+)`)

// resolve replaces the references in parameters by data of earlier commands.
func (a *batchAnswer) resolve(v value, unresolved UnresolvedReferences) value {
	v, _ = a.resolved(v, unresolved)
	return v
}

// resolved is resolve, and tells whether the parameter stays.
func (a *batchAnswer) resolved(v value, unresolved UnresolvedReferences) (value, bool) {
	if v.kind == isArray {
		out := arrayValue()
		for i, key := range v.array.keys {
			if item, stays := a.resolved(v.array.items[i], unresolved); stays {
				out.array.add(key, item)
			}
		}
		return out, true
	}
	if !strings.Contains(v.text, "$") {
		return v, true
	}
	match := reference.FindStringSubmatchIndex(v.text)
	if match == nil {
		return v, true
	}
	document, isFound := a.follow(v.text[match[2]:match[3]], v.text[match[4]:match[5]])
	if !isFound && unresolved != DeepestContainer {
		return v, unresolved == KeptAsText
	}
	data, err := parseJSON(document)
	if err != nil {
		data = arrayValue()
	}
	if match[0] == 0 && match[1] == len(v.text) {
		return data, true
	}
	rest := a.resolve(textValue(v.text[match[1]:]), unresolved)
	return textValue(v.text[:match[0]] + data.text + rest.text), true
}

// follow finds what a reference points to, or the deepest container on its way there.
func (a *batchAnswer) follow(of, brackets string) (document []byte, isFound bool) {
	path := strings.Split(strings.Trim(brackets, "[]"), "][")
	items := a.result
	switch of {
	case "error":
		items = a.errors
	case "total":
		items = a.totals
	case "next":
		items = a.nexts
	}
	document = a.item(items, path[0])
	if document == nil {
		return nil, false
	}
	return pick(document, path[1:])
}
