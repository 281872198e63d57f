package nodepw

import (
	"errors"
	"testing"
)

func TestHashAndVerify(t *testing.T) {
	h, err := Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(h, "secret"); err != nil {
		t.Error(err)
	}
	if err := Verify(h, "other"); !errors.Is(err, ErrMismatch) {
		t.Error(err)
	}
	for _, bad := range []string{"", "$2:00:15:8:1:AA", "$1:zz:15:8:1:AA", "$1:00:99:8:1:AA", "$1:00:15:8:1"} {
		if Verify(bad, "secret") == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
