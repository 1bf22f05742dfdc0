package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/fallow-network/fallow/relay/sealed"
)

// readPassphrase takes the first line of file, or asks at the terminal, twice if
// it is a new one. What is typed is not shown.
func readPassphrase(ask io.Writer, file string, again bool) ([]byte, error) {
	if file != "" {
		return passphraseOf(file)
	}
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return nil, usageError{errors.New("there is no terminal to ask for the passphrase; give --passphrase-file FILE")}
	}
	first, err := askPassphrase(ask, terminal, "Passphrase: ")
	if err != nil || !again {
		return first, err
	}
	second, err := askPassphrase(ask, terminal, "Once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ; nothing was written")
	}
	return first, nil
}

func askPassphrase(ask io.Writer, terminal int, question string) ([]byte, error) {
	fmt.Fprint(ask, question)
	defer fmt.Fprintln(ask)
	typed, err := term.ReadPassword(terminal)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return typed, nil
}

func passphraseOf(file string) ([]byte, error) {
	text, err := readBounded(file, 2*sealed.MaxPassphrase)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// readBounded reads a file of at most so many bytes.
func readBounded(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", file, most)
	}
	return text, nil
}
