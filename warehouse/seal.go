package warehouse

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"stagelag/plain"
)

// A backup ends in a seal: the SHA-256 of all before it, in a frame of Zstandard whose content every reader
// skips. So zstd and tar read a backup as they would without.
const (
	sealMagic = "\x5b\x2a\x4d\x18" // of a frame to be skipped
	sealTitle = "stagelag sha256 "
	sealSize  = 8 + len(sealTitle) + 2*sha256.Size
)

// errDamaged is a backup whose bytes are not those that were written.
var errDamaged = errors.New("the file is damaged or no backup: use another one")

// makeSeal is the frame with a checksum.
func makeSeal(sum hash.Hash) []byte {
	frame := append([]byte(sealMagic), byte(sealSize-8), 0, 0, 0)
	frame = append(frame, sealTitle...)
	return hex.AppendEncode(frame, sum.Sum(nil))
}

// seal copies what the engine has written to a name that is not taken, with a seal, in one step, readable for
// its owner only.
func seal(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return writeNew(to, func(out io.Writer) error {
		sum := sha256.New()
		if _, err := io.Copy(io.MultiWriter(out, sum), in); err != nil {
			return err
		}
		_, err := out.Write(makeSeal(sum))
		return err
	})
}

// unseal copies a backup to a name that is not taken, without its seal, and checks that. A backup that a
// server wrote has none.
func unseal(from, to string) (isSealed bool, err error) {
	// A pipe would be waited for.
	in, err := os.OpenFile(from, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, errors.New("it is not a regular file: copy the backup into one, and restore that")
	}
	size, end := info.Size(), make([]byte, sealSize)
	if size > int64(sealSize) {
		if _, err := in.ReadAt(end, size-int64(sealSize)); err != nil {
			return false, err
		}
		isSealed = bytes.HasPrefix(end, []byte(sealMagic)) && bytes.HasPrefix(end[8:], []byte(sealTitle))
	}
	if isSealed {
		size -= int64(sealSize)
	}
	err = writeNew(to, func(out io.Writer) error {
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, size))
		switch {
		case err != nil:
			return err
		case n != size || isSealed && !bytes.Equal(end, makeSeal(sum)):
			return fmt.Errorf("its checksum is another one: %w", errDamaged)
		}
		return nil
	})
	return isSealed, err
}

// writeNew makes a file of mode 0600 under a name that is not taken, in one step.
func writeNew(name string, write func(io.Writer) error) (err error) {
	out, err := os.CreateTemp(filepath.Dir(name), "."+strings.TrimSuffix(filepath.Base(name), BackupSuffix)+"-*") // mode 0600
	if err != nil {
		return plain.NotWritten(name, err)
	}
	defer os.Remove(out.Name())
	err = write(out)
	if err == nil {
		err = out.Sync()
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return plain.NotWritten(name, os.Link(out.Name(), name)) // fails where there is a file
}

// without leaves the name of a file, which the caller has said, out of an error.
func without(name string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && p.Path == name {
		return p.Err
	}
	return err
}

// A StrangeError is a backup with something in it that the program never puts into one.
type StrangeError struct{ What string }

func (e *StrangeError) Error() string {
	return "it holds " + e.What + ", which no backup of stagelag does: use another file"
}

func strange(format string, args ...any) error { return &StrangeError{fmt.Sprintf(format, args...)} }

// The largest that are read into memory: the definition of a table, and the list of files.
const (
	longestDefinition = 1 << 20
	longestList       = 256 << 20
)

// listName is the archive's own list of its files.
const listName = ".backup"

// inspect looks into a backup and refuses one with anything in it but rows of the tables and their
// definitions, as tables with an engine that keeps rows. It reads the file to its end.
func inspect(file string, tables []string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	unpacked, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
	if err != nil {
		return errDamaged
	}
	defer unpacked.Close()

	sizes, definitions := map[string]int64{}, map[string]string{}
	var list []byte
	archive := tar.NewReader(unpacked)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errDamaged
		}
		name := header.Name
		if header.Typeflag != tar.TypeReg {
			return strange("%q, which is not a regular file", name)
		}
		if _, isThere := sizes[name]; isThere {
			return strange("%q twice", name)
		}
		sizes[name] = header.Size
		switch {
		case name == listName && header.Size <= longestList:
			list, err = io.ReadAll(archive)
		case strings.HasPrefix(name, "metadata/") && header.Size <= longestDefinition:
			var text []byte
			text, err = io.ReadAll(archive)
			definitions[name] = string(text)
		default:
			_, err = io.Copy(io.Discard, archive) //nolint:gosec // nothing of it is kept
		}
		if err != nil {
			return errDamaged
		}
		if name != listName {
			if _, err := tableOf(name, tables); err != nil {
				return err
			}
		}
	}
	// What is behind the archive is read too, so that a file that was cut off is found.
	if _, err := io.Copy(io.Discard, unpacked); err != nil || list == nil {
		return errDamaged
	}
	return inspectList(list, sizes, definitions, tables)
}

// tableOf is the table that a file of a backup is about.
func tableOf(name string, tables []string) (string, error) {
	parts := strings.Split(name, "/")
	isClean := path.Clean(name) == name && !strings.Contains(name, "..")
	switch {
	case !isClean || len(parts) < 3 || parts[1] != inBackup:
	case parts[0] == "metadata" && len(parts) == 3:
		if table, isText := strings.CutSuffix(parts[2], ".sql"); isText && slices.Contains(tables, table) {
			return table, nil
		}
	case parts[0] == "data" && len(parts) > 3 && slices.Contains(tables, parts[2]) && parts[3] != "mutations":
		return parts[2], nil
	}
	return "", strange("%q", name)
}

// A backupList is what a backup says of its files. Whatever else it says is refused: it could refer to files
// elsewhere.
type backupList struct {
	Known []struct {
		XMLName xml.Name
		Files   []struct {
			Parts []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"file"`
	} `xml:",any"`
}

var (
	listParts = []string{"version", "deduplicate_files", "timestamp", "uuid", "backup_id", "contents"}
	fileParts = []string{"name", "size", "checksum", "data_file"}
)

func inspectList(text []byte, sizes map[string]int64, definitions map[string]string, tables []string) error {
	var list backupList
	if err := xml.Unmarshal(text, &list); err != nil {
		return errDamaged
	}
	for _, part := range list.Known {
		if !slices.Contains(listParts, part.XMLName.Local) {
			return strange("%q in its list of files", part.XMLName.Local)
		}
		for _, file := range part.Files {
			about := map[string]string{}
			for _, p := range file.Parts {
				_, isThere := about[p.XMLName.Local]
				if isThere || !slices.Contains(fileParts, p.XMLName.Local) {
					return strange("%q of a file in its list", p.XMLName.Local)
				}
				about[p.XMLName.Local] = p.Text
			}
			if err := inspectFile(about, sizes, definitions, tables); err != nil {
				return err
			}
		}
	}
	return nil
}

// inspectFile looks at a file of the list. One with the content of another names that.
func inspectFile(about map[string]string, sizes map[string]int64, definitions map[string]string, tables []string) error {
	name, source := about["name"], about["name"]
	if other, isThere := about["data_file"]; isThere {
		source = other
	}
	table, err := tableOf(name, tables)
	if err != nil {
		return err
	}
	size, isThere := sizes[source]
	if !isThere && about["size"] != "0" || isThere && fmt.Sprint(size) != about["size"] {
		return fmt.Errorf("%s is not there as it should be: %w", name, errDamaged)
	}
	if !strings.HasPrefix(name, "metadata/") {
		return nil
	}
	definition, isThere := definitions[source]
	if !isThere {
		return strange("a definition of %s that is none", table)
	}
	return inspectDefinition(table, definition)
}

var (
	literal       = regexp.MustCompile(`(?s)'(?:[^'\\]|\\.|'')*'`)
	tableText     = regexp.MustCompile(`^CREATE TABLE (\w+)\.(\w+) UUID '' \(`)
	engineWord    = regexp.MustCompile(`\bENGINE\s*=\s*(\w+)`)
	definerWord   = regexp.MustCompile(`\b(DEFINER|SQL SECURITY)\b`)
	backupEngines = []string{"MergeTree", "ReplacingMergeTree", "ReplicatedMergeTree", "ReplicatedReplacingMergeTree"}
)

// inspectDefinition looks at the statement that would make a table. The engine compares it with the table
// that there is, to the letter; this says in plain words what is wrong with one that is none of ours.
func inspectDefinition(table, definition string) error {
	text := literal.ReplaceAllString(definition, "''")
	if word := definerWord.FindString(text); word != "" {
		return strange("an object %s with %s", table, word)
	}
	head := tableText.FindStringSubmatch(text)
	if !slices.Equal(head[min(1, len(head)):], []string{inBackup, table}) {
		kind := regexp.MustCompile(`^\w+(?: \w+){0,2}`).FindString(text)
		return strange("an object %s made by %q", table, kind)
	}
	engines := engineWord.FindAllStringSubmatch(text, -1)
	if len(engines) != 1 || !slices.Contains(backupEngines, engines[0][1]) {
		kind := "none"
		if len(engines) > 0 {
			kind = engines[len(engines)-1][1]
		}
		return strange("a table %s with the engine %s", table, kind)
	}
	return nil
}
