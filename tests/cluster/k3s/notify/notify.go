// Package notify speaks sd_notify(3): a datagram to $NOTIFY_SOCKET.
package notify

import (
	"net"
	"os"
)

// Send sends a state such as "READY=1"; without a socket it does nothing.
func Send(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
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
