package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mr-tron/base58"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

func TestPayoutOfAStoppedAgent(t *testing.T) {
	dir := shortDir(t)
	if _, stderr, code := cli(t, "identity", "payout", "show", "--data", dir); code != 1 || !strings.Contains(stderr, "no identity") {
		t.Errorf("without an identity: exit %d, %q", code, stderr)
	}
	node, err := identity.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	wallet, err := identity.LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	keypair := filepath.Join(t.TempDir(), "id.json")
	writeFile(t, keypair, string(identity.Format(wallet.Private)))
	address := wallet.Public.String()
	proof := base58.Encode(wire.SignPayout(node.Public, wallet.Private))
	forNobody := base58.Encode(wire.SignPayout(wire.Key{1}, wallet.Private))
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"show"}, 0, "the node's own key"},
		{[]string{"text", address}, 0, wire.PayoutText(node.Public, wallet.Public)},
		{[]string{"text", "nonsense"}, 2, "not an Ed25519"},
		{[]string{"set", address}, 2, "--proof"},
		{[]string{"set", address, "--proof", "0OIl"}, 2, "base58"},
		{[]string{"set", address, "--proof", forNobody}, 1, "payout text " + address},
		{[]string{"set", address, "--proof", proof}, 0, "Payouts go to " + address},
		{[]string{"show"}, 0, address + ", not confirmed"},
		{[]string{"own", "--json"}, 0, `"own": true`},
		{[]string{"set", "--keypair", keypair}, 0, address},
		{[]string{"set", address, "--keypair", keypair}, 2, "--help"},
		{nil, 2, "payout --help"},
	} {
		out, stderr, code := cli(t, append(append([]string{"identity", "payout"}, tt.args...), "--data", dir)...)
		if code != tt.code || !strings.Contains(out+stderr, tt.says) {
			t.Errorf("%v: exit %d, %q %q", tt.args, code, out, stderr)
		}
	}
}

func TestEarningsOfAStoppedAgent(t *testing.T) {
	dir := shortDir(t)
	if _, stderr, code := cli(t, "earnings", "--data", dir); code != 1 || !strings.Contains(stderr, "no agent has run") {
		t.Errorf("in an empty directory: exit %d, %q", code, stderr)
	}
	if _, err := identity.LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	if out, _, code := cli(t, "earnings", "--data", dir); code != 0 || !strings.Contains(out, "Nothing yet") {
		t.Errorf("exit %d, %q", code, out)
	}
	if out, _, code := cli(t, "earnings", "--json", "--data", dir); code != 0 || !strings.Contains(out, `"epochs": []`) {
		t.Errorf("exit %d, %q", code, out)
	}
}
