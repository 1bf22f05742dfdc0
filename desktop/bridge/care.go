package bridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"unicode/utf8"

	"github.com/fallow-network/fallow/relay/doctor"
	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/sealed"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// Examination is what Doctor found. It has neither secrets nor the user's own
// address, so that it can be shown to anybody.
type Examination struct {
	Version  string           `json:"version"`
	Platform string           `json:"platform"`
	OK       bool             `json:"ok"`
	Steps    []doctor.Finding `json:"steps"`
}

// Doctor looks why the node does not share, step by step. It takes up to two
// minutes when routers do not answer.
func (b *Bridge) Doctor() Examination {
	ctx, cancel := context.WithTimeout(context.Background(), doctorTime)
	defer cancel()
	p := doctor.Patient{Dir: b.dir, Consent: func() (rules.Consent, error) {
		return rules.Consent{}, errors.New("no agent answers; start it and look again")
	}}
	if s, err := b.agent.Status(ctx); err == nil {
		p.Status = &s
		p.Consent = func() (rules.Consent, error) { return s.Consent, nil }
	}
	p.Routers, p.Err = b.routers()
	steps := doctor.Examine(ctx, p)
	return Examination{Version: b.version, Platform: runtime.GOOS + "/" + runtime.GOARCH, OK: !doctor.Failed(steps), Steps: steps}
}

// Router is one the user chose.
type Router struct {
	Router    wire.Key `json:"router"`
	PeerID    string   `json:"peer_id"`
	Home      bool     `json:"home"`
	Addresses []string `json:"addresses"`
}

// Routers are those the user chose, home first.
func (b *Bridge) Routers() ([]Router, error) {
	list, err := b.routers()
	if err != nil {
		return nil, err
	}
	shown := []Router{}
	for i, r := range list {
		one := Router{Router: r.Key, PeerID: r.Key.PeerID().String(), Home: i == 0}
		for _, a := range r.Addrs {
			one.Addresses = append(one.Addresses, a.String())
		}
		shown = append(shown, one)
	}
	return shown, nil
}

// AddRouter pins the key behind /p2p/ in address, and makes it home if asked.
func (b *Bridge) AddRouter(address string, home bool) ([]Router, error) {
	return b.changeRouters(func(list []string) ([]string, error) { return routerlist.Add(list, address, home) })
}

// RemoveRouter removes the router with a key, or one address.
func (b *Bridge) RemoveRouter(which string) ([]Router, error) {
	return b.changeRouters(func(list []string) ([]string, error) { return routerlist.Remove(list, which) })
}

// routers asks the agent, which reads a changed list at once.
func (b *Bridge) routers() ([]uplink.Router, error) {
	ctx, cancel := b.context()
	defer cancel()
	list, err := b.agent.Routers(ctx)
	if err != nil {
		return nil, err
	}
	return uplink.ParseRouters(list.Routers)
}

func (b *Bridge) changeRouters(change func([]string) ([]string, error)) ([]Router, error) {
	ctx, cancel := b.context()
	defer cancel()
	list, err := b.agent.Routers(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := change(list.Routers)
	if err != nil {
		return nil, err
	}
	if _, err := b.agent.SetRouters(ctx, changed); err != nil {
		return nil, err
	}
	return b.Routers()
}

// Backup writes the identity, encrypted with a passphrase, into a file the user
// is asked for, and returns its path: empty if the user thought better of it. A
// file that exists is not replaced.
func (b *Bridge) Backup(passphrase string) (string, error) {
	if utf8.RuneCountInString(passphrase) < sealed.MinPassphrase {
		return "", fmt.Errorf("the passphrase has %d characters, at least %d are needed", utf8.RuneCountInString(passphrase), sealed.MinPassphrase)
	}
	id, err := identity.Load(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("there is no identity yet: it is made when the agent first runs")
	}
	if err != nil {
		return "", err
	}
	text, err := sealed.Seal(id, []byte(passphrase))
	if err != nil {
		return "", err
	}
	return b.save("Back up identity", "fallow-identity.json", text)
}

// SaveReport writes text that the window shows, a doctor's report or a list of
// connections, into a file the user is asked for.
func (b *Bridge) SaveReport(name, text string) (string, error) {
	return b.save("Save", name, []byte(text))
}

func (b *Bridge) save(title, name string, text []byte) (string, error) {
	path, err := b.dialogs.SaveFile(title, name)
	if err != nil || path == "" {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("%s exists already and is not replaced; choose another name", path)
	}
	return path, durable.WriteFile(path, text)
}
