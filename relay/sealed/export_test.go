package sealed

import "github.com/fallow-network/fallow/relay/wire/identity"

// SealCheaply is Seal with so little work that tests can do it often.
func SealCheaply(id identity.Identity, passphrase []byte) ([]byte, error) {
	return sealAt(id, passphrase, cost{Time: 1, Memory: 8, Threads: 1})
}
