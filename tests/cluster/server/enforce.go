package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// statusRule sets what a controller that is not here would set: a load
// balancer's addresses, Ceph's phases, an issuer's conditions.
type statusRule struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Match      string         `json:"match"` // regular expression on namespace/name, or name
	Status     map[string]any `json:"status"`
}

const holdFinalizer = "kiln.test/hold"

func checkEnforced(f scenarioFile) error {
	for i, r := range f.Status {
		if r.APIVersion == "" || r.Kind == "" {
			return fmt.Errorf("status[%d]: apiVersion and kind are needed", i)
		}
		if _, err := regexp.Compile(r.Match); err != nil {
			return err
		}
	}
	_, err := regexp.Compile(f.Volumes)
	return err
}

// enforce sees to it, twice a second, that the objects are as the scenario
// says: they may come later than the scenario, and others may write them too.
func (srv *server) enforce(ctx context.Context) {
	dyn, err := dynamic.NewForConfig(srv.rest)
	if err != nil {
		logf("error", "scenario: %v", err)
		return
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(srv.client.Discovery()))
	var held []string
	for {
		f := srv.scenario.get()
		for i, r := range f.Status {
			if err := setStatus(ctx, dyn, mapper, r); err != nil {
				mapper.Reset() // its CRD may have come just now
				if !apierrors.IsNotFound(err) && ctx.Err() == nil {
					logf("info", "scenario: status[%d]: %v", i, err)
				}
			}
		}
		if f.Volumes != "" {
			srv.provision(ctx, regexp.MustCompile(f.Volumes))
		}
		for _, ns := range held {
			if !slices.Contains(f.Namespaces, ns) {
				srv.setFinalizer(ctx, ns, false)
			}
		}
		for _, ns := range f.Namespaces {
			srv.setFinalizer(ctx, ns, true)
		}
		held = f.Namespaces
		select {
		case <-ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func setStatus(ctx context.Context, dyn dynamic.Interface, mapper *restmapper.DeferredDiscoveryRESTMapper, r statusRule) error {
	gv, err := schema.ParseGroupVersion(r.APIVersion)
	if err != nil {
		return err
	}
	m, err := mapper.RESTMapping(gv.WithKind(r.Kind).GroupKind(), gv.Version)
	if err != nil {
		return err
	}
	list, err := dyn.Resource(m.Resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	re := regexp.MustCompile(r.Match)
	patch, err := json.Marshal(map[string]any{"status": r.Status})
	if err != nil {
		return err
	}
	for _, obj := range list.Items {
		key := obj.GetName()
		if obj.GetNamespace() != "" {
			key = obj.GetNamespace() + "/" + key
		}
		if !re.MatchString(key) || hasStatus(&obj, r.Status) {
			continue
		}
		res := dyn.Resource(m.Resource).Namespace(obj.GetNamespace())
		_, err := res.Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		if apierrors.IsNotFound(err) { // no status subresource
			_, err = res.Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasStatus compares the top fields that the rule names.
func hasStatus(obj *unstructured.Unstructured, want map[string]any) bool {
	have, _, _ := unstructured.NestedMap(obj.Object, "status")
	for k, v := range want {
		a, _ := json.Marshal(v)
		b, _ := json.Marshal(have[k])
		if string(a) != string(b) {
			return false
		}
	}
	return true
}

// provision makes a volume for each waiting claim that matches, in place of
// a storage driver.
func (srv *server) provision(ctx context.Context, re *regexp.Regexp) {
	claims, err := srv.client.CoreV1().PersistentVolumeClaims("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, c := range claims.Items {
		if c.Status.Phase != corev1.ClaimPending || !re.MatchString(c.Namespace+"/"+c.Name) {
			continue
		}
		class := ""
		if c.Spec.StorageClassName != nil {
			class = *c.Spec.StorageClassName
		}
		size := c.Spec.Resources.Requests[corev1.ResourceStorage]
		if size.IsZero() {
			size = resource.MustParse("1Gi")
		}
		_, err := srv.client.CoreV1().PersistentVolumes().Create(ctx, &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(c.UID)},
			Spec: corev1.PersistentVolumeSpec{
				Capacity:                      corev1.ResourceList{corev1.ResourceStorage: size},
				AccessModes:                   c.Spec.AccessModes,
				VolumeMode:                    c.Spec.VolumeMode,
				StorageClassName:              class,
				PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
				ClaimRef: &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1",
					Namespace: c.Namespace, Name: c.Name, UID: c.UID},
				PersistentVolumeSource: corev1.PersistentVolumeSource{
					HostPath: &corev1.HostPathVolumeSource{Path: "/nonexistent/testk3s"}},
			},
		}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			logf("info", "scenario: volumes: %v", err)
		}
	}
}

// setFinalizer fills or clears a namespace's finalizers, so that it hangs in
// Terminating.
func (srv *server) setFinalizer(ctx context.Context, name string, want bool) {
	ns, err := srv.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return
	}
	if slices.Contains(ns.Spec.Finalizers, holdFinalizer) == want {
		return
	}
	if want && ns.DeletionTimestamp != nil {
		return
	}
	if want {
		ns.Spec.Finalizers = append(ns.Spec.Finalizers, holdFinalizer)
	} else {
		ns.Spec.Finalizers = slices.DeleteFunc(ns.Spec.Finalizers, func(f corev1.FinalizerName) bool { return f == holdFinalizer })
	}
	if _, err := srv.client.CoreV1().Namespaces().Finalize(ctx, ns, metav1.UpdateOptions{}); err != nil {
		logf("info", "scenario: namespaces: %v", err)
	}
}
