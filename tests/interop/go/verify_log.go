// Verify_log reads a published log with golang.org/x/mod/sumdb, the verifier of Go's own module
// log, and nothing of troth.
//
// Usage: verify_log <folder> <verifier key> [<file of older checkpoints>]
//
// It opens the checkpoint, checks every tile against its root, every entry against its tile, the
// inclusion of a sample of entries, and that the tree extends each of the older checkpoints.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// folder serves tiles from the layout of C2SP tlog-tiles, which leaves out the height.
type folder string

func (f folder) Height() int { return height }

func (f folder) read(path string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(f), filepath.FromSlash(path)))
	if err != nil {
		// The full tile stands in for a partial one that it has replaced.
		if at := strings.Index(path, ".p/"); at >= 0 {
			return os.ReadFile(filepath.Join(string(f), filepath.FromSlash(path[:at])))
		}
	}
	return data, err
}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := f.read("tile" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d", height)))
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s is too short", tile.Path())
		}
		all = append(all, data[:tile.W*tlog.HashSize])
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func open(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("unexpected checkpoint text %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func (f folder) checkEntries(tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		bundle := tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}
		path := strings.Replace(bundle.Path(), fmt.Sprintf("tile/%d/data", height), "tile/entries", 1)
		data, err := f.read(path)
		if err != nil {
			return err
		}
		for index := first; index < first+width; index++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("%s ends inside entry %d", path, index)
			}
			length := 2 + int(binary.BigEndian.Uint16(data))
			stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return err
			}
			if tlog.RecordHash(data[2:length]) != stored[0] {
				return fmt.Errorf("entry %d is not in its tile", index)
			}
			data = data[length:]
		}
		if width == 1<<height && len(data) != 0 {
			return fmt.Errorf("%s has more than its entries", path)
		}
	}
	return nil
}

func run(root, vkey, older string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(root, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := open(text, verifier)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, folder(root))
	if err := folder(root).checkEntries(tree, hashes); err != nil {
		return err
	}
	step := tree.N/50 + 1
	for index := int64(0); index < tree.N; index += step {
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0]); err != nil {
			return err
		}
	}
	count := 0
	if older != "" {
		data, err := os.ReadFile(older)
		if err != nil {
			return err
		}
		// Each note is a text, an empty line, signatures, and an empty line after them.
		parts := strings.Split(string(data), "\n\n")
		for at := 0; at+1 < len(parts); at += 2 {
			past, err := open([]byte(parts[at]+"\n\n"+parts[at+1]+"\n"), verifier)
			if err != nil {
				return err
			}
			proof, err := tlog.ProveTree(tree.N, past.N, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, tree.N, tree.Hash, past.N, past.Hash); err != nil {
				return err
			}
			count++
		}
	}
	fmt.Printf("size %d, consistent with %d checkpoints\n", tree.N, count)
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify_log <folder> <verifier key> [<older checkpoints>]")
		os.Exit(2)
	}
	older := ""
	if len(os.Args) > 3 {
		older = os.Args[3]
	}
	if err := run(os.Args[1], os.Args[2], older); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
