package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/fallow-network/fallow/relay/wire/identity"
)

func TestCreatedOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if _, err := identity.Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	first, err := identity.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := identity.LoadOrCreate(dir)
	if err != nil || !again.Private.Equal(first.Private) || again.Public != first.Public {
		t.Errorf("again: %v, %v", again, err)
	}
	if !ed25519.Verify(first.Public[:], []byte("x"), ed25519.Sign(first.Private, []byte("x"))) {
		t.Error("the halves do not belong together")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, mode := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, identity.FileName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
}

// The vector is a keypair as Solana's tools write it: seed 1..32, RFC 8032 key.
func TestFormatIsSolanas(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i + 1)
	}
	text := identity.Format(ed25519.NewKeyFromSeed(seed))
	if !bytes.HasPrefix(text, []byte("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,121,181,86,46,")) {
		t.Errorf("text is %s", text)
	}
	id, err := identity.Parse(text)
	if err != nil || id.Public.String() != "9C6hybhQ6Aycep9jaUnP6uL9ZYvDjUp1aSkFWPUFJtpj" {
		t.Errorf("address %s, %v", id.Public, err)
	}
}

func TestExposedFileIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // modes mean nothing there
	}
	dir := t.TempDir()
	if _, err := identity.LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o666, 0o610} {
		if err := os.Chmod(filepath.Join(dir, identity.FileName), mode); err != nil {
			t.Fatal(err)
		}
		_, err := identity.LoadOrCreate(dir)
		if !errors.Is(err, identity.ErrExposed) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestCorruptFileIsRefusedAndKept(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := string(identity.Format(private))
	mixed := strings.Replace(good, fmt.Sprintf("[%d,", private[0]), fmt.Sprintf("[%d,", private[0]^1), 1)
	for name, text := range map[string]string{
		"empty": "", "torn": good[:len(good)/2], "not json": "secret", "object": "{}", "short": "[1,2,3]",
		"not bytes": strings.Replace(good, ",", ",1000,", 1), "negative": "[" + strings.Repeat("-1,", 63) + "-1]",
		"halves of two keys": mixed, "two files": good + good, "huge": "[" + strings.Repeat("0,", 5000) + "0]",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, identity.FileName)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := identity.LoadOrCreate(dir)
			if !errors.Is(err, identity.ErrCorrupt) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != text {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

func TestTwoAtOnceAgree(t *testing.T) {
	dir := t.TempDir()
	found := make([]identity.Identity, 16)
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() {
			id, err := identity.LoadOrCreate(dir)
			if err != nil {
				t.Error(err)
			}
			found[i] = id
		})
	}
	all.Wait()
	for _, id := range found {
		if id.Public != found[0].Public {
			t.Errorf("%s and %s", id.Public, found[0].Public)
		}
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	id, err := identity.LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, id); len(text) > 80 || !strings.Contains(text, id.Public.String()) {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(identity.Format(ed25519.NewKeyFromSeed(make([]byte, 32))))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		id, err := identity.Parse(text)
		if err != nil {
			return
		}
		if again, err := identity.Parse(identity.Format(id.Private)); err != nil || again.Public != id.Public {
			t.Errorf("does not survive its own format: %v", err)
		}
	})
}
