package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// podRule is what a scenario asks of the pods it names.
type podRule struct {
	Match  string `json:"match"`  // regular expression on namespace/name
	Image  string `json:"image"`  // or on any of the pod's images
	Action string `json:"action"` // see stageTexts
	Delay  string `json:"delay"`  // before the action, 0 unless said
}

// What kwok plays, one text a state. %EXPR% takes the selectors that decide
// which pods, %DELAY% milliseconds.
//
//go:embed stages.yaml
var stageTexts string

// stages are kwok's stages by name, in the file's order.
func stageText(name string) (string, bool) {
	if name == "pod-crash-again" { // the same again, for a pod that has crashed before
		text, ok := stageText("pod-crash")
		text = strings.Replace(text, "name: pod-crash", "name: "+name, 1)
		text = strings.Replace(text, "operator: NotIn\n      values: [CrashLoopBackOff]",
			"operator: In\n      values: [CrashLoopBackOff]", 1)
		return strings.Replace(text, "%DELAY%", "10000", 1), ok
	}
	for _, doc := range strings.Split(stageTexts, "\n---\n") {
		if strings.Contains(doc, "\n  name: "+name+"\n") {
			return doc, true
		}
	}
	return "", false
}

// actions maps a rule's action to the stages that play it instead of the
// usual ones; "withhold" plays nothing, "hang" leaves Jobs running.
var actions = map[string][]string{
	"ready":      {"pod-ready", "pod-complete"},
	"hang":       {"pod-ready"},
	"withhold":   {},
	"unready":    {"pod-unready"},
	"fail":       {"pod-fail"},
	"crash-loop": {"pod-crash", "pod-crash-again"},
	"no-image":   {"pod-no-image"},
}

// kwokStages writes kwok's configuration for a list of rules; the first rule
// that matches a pod decides, and no rule means ready and complete.
func kwokStages(rules []podRule) (string, error) {
	var out []string
	add := func(id string, names []string, exprs []string, delayMs int64) error {
		for _, name := range names {
			text, ok := stageText(name)
			if !ok {
				return fmt.Errorf("no stage '%s'", name)
			}
			text = strings.Replace(text, "\n  name: "+name+"\n", "\n  name: "+name+id+"\n", 1)
			text = strings.ReplaceAll(text, "    %EXPR%\n", strings.Join(exprs, ""))
			out = append(out, strings.ReplaceAll(text, "%DELAY%", fmt.Sprint(delayMs)))
		}
		return nil
	}
	var earlier []string
	for i, r := range rules {
		cond, err := r.condition()
		if err != nil {
			return "", err
		}
		names, ok := actions[r.Action]
		if !ok {
			return "", fmt.Errorf("pods[%d]: unknown action '%s'", i, r.Action)
		}
		ms, err := r.delayMs()
		if err != nil {
			return "", err
		}
		if err := add(fmt.Sprintf("-%d", i), names, append(append([]string{}, earlier...), expr(cond, "In")), ms); err != nil {
			return "", err
		}
		earlier = append(earlier, expr(cond, "NotIn"))
	}
	if err := add("", []string{"pod-ready", "pod-complete"}, earlier, 0); err != nil {
		return "", err
	}
	if err := add("", []string{"pod-delete", "node-up", "node-beat"}, nil, 0); err != nil {
		return "", err
	}
	return strings.Join(out, "\n---\n"), nil
}

func (r podRule) delayMs() (int64, error) {
	if r.Delay == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(r.Delay)
	return d.Milliseconds(), err
}

// condition is a jq expression that is true for the rule's pods.
func (r podRule) condition() (string, error) {
	for _, re := range []string{r.Match, r.Image} {
		if _, err := regexp.Compile(re); err != nil {
			return "", err
		}
	}
	switch {
	case r.Match != "" && r.Image != "":
		return "", fmt.Errorf("a pod rule has either match or image")
	case r.Match != "":
		return fmt.Sprintf(`.metadata.namespace + "/" + .metadata.name | test(%q)`, r.Match), nil
	case r.Image != "":
		return fmt.Sprintf(`[.spec.containers[], (.spec.initContainers // [])[] | .image | test(%q)] | any`, r.Image), nil
	}
	return "", fmt.Errorf("a pod rule needs match or image")
}

func expr(cond, op string) string {
	return "    - key: '" + strings.ReplaceAll(cond, "'", "''") + "'\n      operator: " + op + "\n      values: ['true']\n"
}
