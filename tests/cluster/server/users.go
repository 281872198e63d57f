package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"kiln.test/k3s/pki"
	"kiln.test/k3s/token"
)

// users are the two passwords of server/cred/passwd: whoever knows the
// server's may join as a server, whoever knows the node's as an agent.
type users struct{ server, node string }

// loadUsers takes the tokens from the options or from the last start, and
// writes cred/passwd and the token files.
func loadUsers(s *settings, ca *authorities) (*users, error) {
	u := &users{}
	file := s.cred("passwd")
	old := readPasswd(file)

	given, err := s.o.Token("token")
	if err != nil {
		return nil, err
	}
	if u.server, err = password(given, ca); err != nil {
		return nil, err
	}
	if old.server != "" && u.server != "" && old.server != u.server {
		return nil, errors.New("bootstrap data already found and encrypted with different token")
	}
	if u.server == "" {
		u.server = old.server
	}
	if u.server == "" {
		raw := make([]byte, 16)
		if _, err := rand.Read(raw); err != nil {
			return nil, err
		}
		u.server = hex.EncodeToString(raw)
	}
	if given, err = s.o.Token("agent-token"); err != nil {
		return nil, err
	}
	if u.node, err = password(given, ca); err != nil {
		return nil, err
	}
	if u.node == "" {
		u.node = u.server
	}
	return u, u.write(s, ca)
}

// password takes the password out of a token; a full token must name our CA,
// and can only do so when that CA was there before the first start.
func password(text string, ca *authorities) (string, error) {
	if text == "" {
		return "", nil
	}
	t, err := token.Parse(text)
	if err != nil {
		return "", err
	}
	if t.Bootstrap != "" {
		return "", errors.New("a bootstrap token cannot be the server's token")
	}
	return t.Password, t.Check(ca.server.Bundle)
}

func readPasswd(file string) users {
	var u users
	f, err := os.Open(file)
	if err != nil {
		return u
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	rows, _ := r.ReadAll()
	for _, row := range rows {
		if len(row) >= 2 && row[1] == "server" {
			u.server = row[0]
		}
		if len(row) >= 2 && row[1] == "node" {
			u.node = row[0]
		}
	}
	return u
}

func (u *users) write(s *settings, ca *authorities) error {
	rows := u.node + ",node,node,k3s:agent\n" + u.server + ",server,server,k3s:server\n"
	if err := pki.WriteFile(s.cred("passwd"), []byte(rows), 0o600); err != nil {
		return err
	}
	full, err := token.Format("server:"+u.server, ca.server.Bundle)
	if err != nil {
		return err
	}
	if err := pki.WriteFile(filepath.Join(s.data, "token"), []byte(full+"\n"), 0o600); err != nil {
		return err
	}
	if err := relink("token", filepath.Join(s.data, "node-token")); err != nil {
		return err
	}
	agent := filepath.Join(s.data, "agent-token")
	if u.node == u.server {
		return relink("token", agent)
	}
	if full, err = token.Format("node:"+u.node, ca.server.Bundle); err != nil {
		return err
	}
	_ = os.Remove(agent)
	return pki.WriteFile(agent, []byte(full+"\n"), 0o600)
}

func relink(target, link string) error {
	_ = os.Remove(link)
	return os.Symlink(target, link)
}

// groups tells what a name and password may do, nil if they are wrong.
func (u *users) groups(name, password string) []string {
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	switch {
	case name == "server" && same(password, u.server):
		return []string{"k3s:server", "k3s:agent"}
	case name == "node" && same(password, u.node):
		return []string{"k3s:agent"}
	}
	return nil
}
