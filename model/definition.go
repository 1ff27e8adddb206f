// Package model turns model definitions, folders as Hugging Face's checkpoints are with config.json and model.safetensors, into
// programs of the IR.
//
// A definition is a configuration and weights by name. Each family has a table of the keys of its config.json and one function that
// builds it, layer by layer, from parts that all families share (net.go) and from mechanisms of attention that all can have
// (attend.go). That function is the only place that says which weights a model has: without weights it notes what it asks for, which is
// how Init makes a model up and how Convert knows what a mechanism adds.
package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// The names of the files of a definition.
const (
	ConfigFile  = "config.json"
	WeightsFile = "model.safetensors"
	IndexFile   = "model.safetensors.index.json"
)

// A Definition is a configuration with its weights.
type Definition struct {
	Config  Config
	Weights map[string]*ir.Data
	Source  string // the folder that it comes from, for messages

	// Cache makes Build a decoder that goes on behind tokens of earlier runs: their keys and values are inputs, past_key_values.0.key and so
	// on [batch,heads,past,dim], and come out as present.0.key with the new ones behind. Of an encoder-decoder that is past_key_values.0.decoder.key;
	// past_key_values.0.encoder.key are those of the encoder's tokens, which it returns as present.0.encoder.key.
	Cache bool
}

// Load reads the definition in a folder. Its weights are mapped, not copied.
func Load(dir string) (*Definition, error) {
	b, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no model definition: it has no %s", dir, ConfigFile)
	}
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ConfigFile), err)
	}
	w, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	return &Definition{Config: *c, Weights: w, Source: dir}, nil
}

// loadWeights maps model.safetensors, or the files that its index names.
func loadWeights(dir string) (map[string]*ir.Data, error) {
	f, err := OpenSafetensors(filepath.Join(dir, WeightsFile))
	if err == nil {
		return f.Tensors, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, IndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no weights: neither %s nor %s is there", dir, WeightsFile, IndexFile)
	}
	if err != nil {
		return nil, err
	}
	files, err := parseIndex(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, IndexFile), err)
	}
	return loadShards(dir, files)
}

// parseIndex reads the names of the tensors with the files that hold them.
func parseIndex(b []byte) (map[string]string, error) {
	files := map[string]string{}
	found := false
	err := eachKey(b, func(key string, value []byte) error {
		if key != "weight_map" {
			return nil
		}
		found = true
		return eachKey(value, func(name string, value []byte) error {
			var file string
			if value[0] != '"' || json.Unmarshal(value, &file) != nil {
				return fmt.Errorf("weight_map: %q: %s is no file's name", name, clip(value))
			}
			if file == "" || strings.ContainsAny(file, `/\`) || !filepath.IsLocal(file) {
				return fmt.Errorf("weight_map: %q: %q must be the name of a file in the same folder", name, file)
			}
			files[name] = file
			return nil
		})
	})
	if err == nil && !found {
		err = errors.New(`key "weight_map" is missing`)
	}
	return files, err
}

// loadShards maps each file once. A link must not lead out of the folder.
func loadShards(dir string, files map[string]string) (map[string]*ir.Data, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	open := map[string]*File{}
	weights := map[string]*ir.Data{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := files[name]
		if open[file] == nil {
			if open[file], err = openIn(root, dir, file); err != nil {
				return nil, err
			}
		}
		if weights[name] = open[file].Tensors[name]; weights[name] == nil {
			errs = append(errs, fmt.Errorf("%s: tensor %q is not in %s", filepath.Join(dir, IndexFile), name, file))
		}
	}
	return weights, errors.Join(errs...)
}

func openIn(root *os.Root, dir, file string) (*File, error) {
	f, err := root.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, IndexFile), err)
	}
	defer f.Close()
	return mapSafetensors(f, filepath.Join(dir, file))
}

// Save writes the definition to a folder, which is made if it is not there: each file is complete or as it was before.
func (d *Definition) Save(dir string) (err error) {
	config, err := d.Config.JSON()
	if err != nil {
		return err
	}
	_, statErr := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var made []string
	defer func() {
		for _, path := range made {
			os.Remove(path) // gone already where it was renamed
		}
		if err != nil && errors.Is(statErr, fs.ErrNotExist) {
			os.Remove(dir)
		}
	}()
	write := func(name string, fill func(f *os.File) error) (string, error) {
		f, err := os.CreateTemp(dir, "."+name+".*")
		if err != nil {
			return "", err
		}
		made = append(made, f.Name())
		return f.Name(), errors.Join(fill(f), f.Chmod(0o644), f.Close())
	}
	weights, err := write(WeightsFile, func(f *os.File) error {
		return WriteSafetensors(f, d.Weights, map[string]string{"format": "pt"})
	})
	if err != nil {
		return err
	}
	text, err := write(ConfigFile, func(f *os.File) error {
		_, err := f.Write(config)
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(os.Rename(weights, filepath.Join(dir, WeightsFile)), os.Rename(text, filepath.Join(dir, ConfigFile)))
}
