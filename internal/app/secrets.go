package app

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stagedoor/stagedoor/internal/db"
)

// secrets is what an installation must keep apart from its databases. It is made once, in the data folder, readable by
// the owner only. Whoever loses it loses every ticket code (the pepper) and the engine's root credentials.
type secrets struct {
	Pepper          string `json:"pepper"` // hex; keys the hash of ticket codes
	EngineKeyID     string `json:"engineAccessKeyId"`
	EngineSecretKey string `json:"engineSecretAccessKey"`
}

func (s secrets) pepper() ([]byte, error) {
	b, err := hex.DecodeString(s.Pepper)
	if err != nil || len(b) < 32 {
		return nil, errors.New("secrets.json: the pepper is damaged; restore the file from a backup")
	}
	return b, nil
}

// openSecrets reads dir/secrets.json or makes it.
func openSecrets(dir string) (secrets, error) {
	path := filepath.Join(dir, "secrets.json")
	text, err := os.ReadFile(path) // #nosec G304 -- the operator's own data folder
	if errors.Is(err, os.ErrNotExist) {
		return makeSecrets(dir, path)
	}
	if err != nil {
		return secrets{}, err
	}
	var s secrets
	if err := json.Unmarshal(text, &s); err != nil {
		return secrets{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return s, nil
}

func makeSecrets(dir, path string) (secrets, error) {
	if err := db.MakeFolder(dir); err != nil {
		return secrets{}, err
	}
	s := secrets{Pepper: randomHex(32), EngineKeyID: "AKIA" + rand.Text()[:16], EngineSecretKey: randomHex(20)}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return secrets{}, err
	}
	tmp, err := os.CreateTemp(dir, "secrets-*") // 0600
	if err != nil {
		return secrets{}, err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return secrets{}, err
	}
	// Link fails where the file exists: of two processes that start together one makes it, the other reads it whole.
	if err := os.Link(tmp.Name(), path); errors.Is(err, os.ErrExist) {
		return openSecrets(dir)
	} else if err != nil {
		return secrets{}, err
	}
	// Without its name on disk a power cut takes the pepper and leaves the hashes of the codes.
	return s, db.SyncFolder(dir)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b)
}
