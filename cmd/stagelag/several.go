package main

import (
	"errors"
	"fmt"

	"stagelag/config"
)

// readSeveral reads the configurations at the paths, and says of all that are wrong what is wrong.
func readSeveral(paths []string, read func(path string) (config.Config, error)) ([]config.Config, error) {
	cfgs := make([]config.Config, len(paths))
	wrong := make([]error, len(paths))
	for i, path := range paths {
		cfgs[i], wrong[i] = read(path)
	}
	return cfgs, errors.Join(wrong...)
}

// checkSeveral returns why configurations do not go together in one schedule.
func checkSeveral(paths []string, cfgs []config.Config) error {
	return checkPairs(paths, cfgs, checkSchedules)
}

// checkDatabases returns why configurations are not those of different portals.
func checkDatabases(paths []string, cfgs []config.Config) error {
	return checkPairs(paths, cfgs, differ)
}

func checkPairs(paths []string, cfgs []config.Config, check func(one, other config.Config) error) error {
	var wrong []error
	for i := range cfgs {
		for j := range i {
			if err := check(cfgs[j], cfgs[i]); err != nil {
				wrong = append(wrong, fmt.Errorf("%s and %s: %w", paths[j], paths[i], err))
			}
		}
	}
	return errors.Join(wrong...)
}

func differ(one, other config.Config) error {
	if one.Warehouse.Database == other.Warehouse.Database {
		return fmt.Errorf("warehouse.database is %s in both; name another one for each portal. STAGELAG_WAREHOUSE_DATABASE holds for every configuration", one.Warehouse.Database)
	}
	return nil
}

func checkSchedules(one, other config.Config) error {
	a, b := one.Warehouse, other.Warehouse
	isSame := differ(one, other)
	switch areEmbedded := a.URL.IsEmbedded() && b.URL.IsEmbedded(); {
	case one.Portal.URL.Equal(other.Portal.URL):
		return errors.New("portal.url is the same in both; a portal needs one configuration only, and a second warehouse of it a webhook of its own. " +
			"STAGELAG_PORTAL_URL holds for every configuration: write portal.url: ${NAME} in each, with a name of its own, instead")
	case isSame != nil:
		return isSame
	case one.Schedule.Listen != other.Schedule.Listen:
		return fmt.Errorf("schedule.listen differs (%s, %s); one schedule answers at one address", listenText(one.Schedule.Listen), listenText(other.Schedule.Listen))
	case areEmbedded && a.Path == b.Path && a.Listen != b.Listen:
		return fmt.Errorf("warehouse.listen differs, and both warehouses are in the folder %s, which has one engine; name the same addresses", a.Path)
	case areEmbedded && a.Path != b.Path && (isTaken(a.Listen.Native, b.Listen) || isTaken(a.Listen.HTTP, b.Listen)):
		return errors.New("warehouse.listen names the same port in both, and their warehouses are in two folders, each with an engine of its own; name other ports, or the same warehouse.path")
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
