package deploy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"

	"stagelag/warehouse/access"
)

// hashPasswords is the environment that a server gets from hash-passwords.sh, in the shell of this machine.
func hashPasswords(t *testing.T, environ []string) map[string]string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "hash-passwords.sh", "env")
	cmd.Env = append(environ, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("hash-passwords.sh: %v, %s", err, out)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		got[name] = value
	}
	return got
}

// A server gets the hashes of passwords, whatever is in them, and no password.
func TestPasswordsAreHashed(t *testing.T) {
	t.Parallel()
	passwords := map[string]string{
		"WAREHOUSE_PASSWORD": "plain", "ANALYST_PASSWORD": `a "b" $HOME 'c' \d`, "GRAFANA_READER_PASSWORD": "пароль",
		"WAREHOUSE_PASSWORD_NORTH": "n", "ANALYST_PASSWORD_NORTH_2": "*", "OTHER": "stays",
	}
	var environ []string
	for name, value := range passwords {
		environ = append(environ, name+"="+value)
	}
	got := hashPasswords(t, environ)
	usual, north := access.Variables(access.Default), access.Variables("north")
	for name, password := range map[string]string{
		usual.Program: "plain", usual.Analyst: passwords["ANALYST_PASSWORD"], usual.Grafana: "пароль", north.Program: "n", access.Variables("north_2").Analyst: "*",
	} {
		sum := sha256.Sum256([]byte(password))
		if want := hex.EncodeToString(sum[:]); got[name] != want {
			t.Errorf("%s is %q, want %s", name, got[name], want)
		}
	}
	for name := range passwords {
		if _, isThere := got[name]; isThere != (name == "OTHER") {
			t.Errorf("%s is in the server's environment: %v", name, isThere)
		}
	}

	cmd := exec.Command("/bin/sh", "hash-passwords.sh", "env")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ANALYST_PASSWORD="}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "ANALYST_PASSWORD is empty: set it in .env") {
		t.Errorf("an empty password: %v, %s", err, out)
	}
}
