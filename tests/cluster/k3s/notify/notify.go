// Package notify speaks sd_notify(3): a datagram to $NOTIFY_SOCKET.
package notify

import (
	"net"
	"os"
)

const variable = "NOTIFY_SOCKET"

var taken string

// Take keeps the socket for Send and hides it from what else is in this process and below it:
// the API server says READY=1 by itself as soon as it listens. K3s does the same.
func Take() {
	taken = os.Getenv(variable)
	os.Unsetenv(variable)
}

// Send sends a state such as "READY=1"; without a socket it does nothing.
func Send(state string) error {
	path := taken
	if path == "" {
		path = os.Getenv(variable)
	}
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}
