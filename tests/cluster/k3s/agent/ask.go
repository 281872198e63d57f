package agent

import (
	"context"
	"encoding/json"

	"kiln.test/k3s/token"
)

// Ask gets one JSON answer of a supervisor with a token, its CA checked
// against the token's digest; user is for a token that names none.
func Ask(ctx context.Context, server, text, user, path string, ret any) error {
	cred, err := token.Parse(text)
	if err != nil {
		return err
	}
	if cred.User == "" {
		cred.User = user
	}
	j := &joiner{cfg: &Config{Server: server}, cred: cred}
	if j.bundle, err = fetchCA(ctx, server); err != nil {
		return err
	}
	if err := cred.Check(j.bundle); err != nil {
		return err
	}
	out, err := get(ctx, pinned(j.bundle, nil), server+path, j.sign)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, ret)
}
