package agent

import (
	"os"
	"regexp"

	"go.yaml.in/yaml/v2"

	"kiln.test/k3s/images"
)

// hidden reads the one part of a scenario that concerns an agent: images
// that are to be missing from the Node although their archive is there.
func hidden() []*regexp.Regexp {
	text, err := os.ReadFile(os.Getenv("TESTK3S_SCENARIO"))
	if err != nil {
		return nil
	}
	var doc struct {
		Images struct {
			Hide []string `yaml:"hide"`
		} `yaml:"images"`
	}
	if yaml.Unmarshal(text, &doc) != nil {
		return nil
	}
	var ret []*regexp.Regexp
	for _, word := range doc.Images.Hide {
		if re, err := regexp.Compile(word); err == nil {
			ret = append(ret, re)
		}
	}
	return ret
}

func visible(list []images.Image) []images.Image {
	hide := hidden()
	ret := []images.Image{}
next:
	for _, img := range list {
		for _, re := range hide {
			for _, name := range img.Names {
				if re.MatchString(name) {
					continue next
				}
			}
		}
		ret = append(ret, img)
	}
	return ret
}
