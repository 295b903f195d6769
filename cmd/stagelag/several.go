package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"stagelag/config"
)

// readSeveral reads the configurations at the paths, and returns what is wrong with any of them in one error. What is
// wrong with several, such as a variable that they share, stands there once.
func readSeveral(paths []string, read func(path string) (config.Config, error)) ([]config.Config, error) {
	if err := checkPaths(paths); err != nil {
		return nil, err
	}
	cfgs := make([]config.Config, len(paths))
	var wrong []config.Complaint
	for i, path := range paths {
		cfg, err := read(path)
		var invalid *config.Error
		switch {
		case err == nil:
		case !errors.As(err, &invalid):
			return nil, err
		default:
			for _, complaint := range invalid.Complaints {
				if !slices.Contains(wrong, complaint) {
					wrong = append(wrong, complaint)
				}
			}
		}
		cfgs[i] = cfg
	}
	if len(wrong) > 0 {
		return nil, &config.Error{Complaints: wrong}
	}
	return cfgs, nil
}

// checkPaths returns an error where two of the paths name the same file.
func checkPaths(paths []string) error {
	files := make([]fs.FileInfo, len(paths))
	for i, path := range paths {
		// One that is missing is an error of reading it.
		files[i], _ = os.Stat(path)
		for j := range i {
			switch {
			case paths[j] == path:
				return usagef("--config: %s is given twice; give a configuration of its own for each portal", path)
			case files[i] != nil && files[j] != nil && os.SameFile(files[i], files[j]):
				return usagef("--config: %s and %s are the same file; give a configuration of its own for each portal", paths[j], path)
			}
		}
	}
	return nil
}

// checkSeveral returns why configurations do not go together in one schedule.
func checkSeveral(paths []string, cfgs []config.Config) error {
	return checkPairs(paths, cfgs, checkSchedules)
}

// checkDatabases returns why configurations are not those of different portals.
func checkDatabases(paths []string, cfgs []config.Config) error {
	return checkPairs(paths, cfgs, differ)
}

// checkPairs compares each configuration with those before it, and names those together that have the same fault.
func checkPairs(paths []string, cfgs []config.Config, check func(one, other config.Config) error) error {
	type fault struct {
		with int
		text string
	}
	var faults []fault
	named := map[fault][]string{}
	for i := range cfgs {
		for j := range i {
			if err := check(cfgs[j], cfgs[i]); err != nil {
				f := fault{j, err.Error()}
				if len(named[f]) == 0 {
					faults, named[f] = append(faults, f), []string{paths[j]}
				}
				named[f] = append(named[f], paths[i])
				break
			}
		}
	}
	wrong := make([]error, len(faults))
	for i, f := range faults {
		wrong[i] = fmt.Errorf("%s: %s", strings.Join(named[f], ", "), f.text)
	}
	return errors.Join(wrong...)
}

func differ(one, other config.Config) error {
	if one.Warehouse.Database == other.Warehouse.Database {
		return fmt.Errorf("warehouse.database is %s in each; name another one for each portal. STAGELAG_WAREHOUSE_DATABASE holds for every configuration", one.Warehouse.Database)
	}
	return nil
}

func checkSchedules(one, other config.Config) error {
	a, b := one.Warehouse, other.Warehouse
	isSame := differ(one, other)
	switch areEmbedded := a.URL.IsEmbedded() && b.URL.IsEmbedded(); {
	case one.Portal.URL.Equal(other.Portal.URL):
		return errors.New("portal.url is the same in each; a portal needs one configuration only, and a second warehouse of it a webhook of its own. " +
			"STAGELAG_PORTAL_URL holds for every configuration: write portal.url: ${NAME} in each, with a name of its own, instead")
	case isSame != nil:
		return isSame
	case one.Schedule.Listen != other.Schedule.Listen:
		return fmt.Errorf("schedule.listen differs (%s, %s); one schedule answers at one address", listenText(one.Schedule.Listen), listenText(other.Schedule.Listen))
	case areEmbedded && a.Path == b.Path && a.Listen != b.Listen:
		return fmt.Errorf("warehouse.listen differs, and both warehouses are in the folder %s, which has one engine; name the same addresses", a.Path)
	case areEmbedded && a.Path != b.Path && (isTaken(a.Listen.Native, b.Listen) || isTaken(a.Listen.HTTP, b.Listen)):
		return errors.New("warehouse.listen names the same port in each, and their warehouses are in two folders, each with an engine of its own; name other ports, or the same warehouse.path")
	}
	return nil
}

func listenText(address config.ListenAddress) string {
	if address == "" {
		return "off"
	}
	return string(address)
}

// isTaken is whether an address is one of those of another engine.
func isTaken(address config.LoopbackAddress, by config.WarehouseListen) bool {
	return !isAnyPort(string(address)) && (address == by.Native || address == by.HTTP)
}
