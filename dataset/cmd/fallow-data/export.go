package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/export"
)

func newExport() *cobra.Command {
	var format, out string
	var which selectionFlags
	cmd := &cobra.Command{
		Use:   "export PATH --format hf|jsonl|dolma|warc|wet",
		Short: "Write a dataset in another layout",
		Long: `Write a version of a dataset (or, as jsonl, a single shard) for another tool.

  jsonl  one JSON object a row
  dolma  one JSON object a row, as Dolma's toolkit reads it
  warc   the answers that the version keeps, as WARC 1.1 response records
  wet    the text, as WARC 1.1 conversion records
  hf     an independent copy of the version's folder, as the Hugging Face hub and
         its datasets library load it; every file is checked on the way (needs --out)

All but hf go to standard output unless --out names a file, which appears whole or not
at all; one that ends in .gz is compressed. They take the conditions of snapshot.`,
		Example: `  fallow-data export --format jsonl datasets/go-docs/v1 | head -3
  fallow-data export --format jsonl shard.parquet --out rows.jsonl
  fallow-data export --format dolma datasets/go-docs/v1 --language eng --out go-docs.jsonl.gz
  fallow-data export --format wet datasets/go-docs/v1 --out go-docs.warc.wet.gz
  fallow-data export --format hf datasets/go-docs/v1 --out ./go-docs`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := which.selection()
			if err != nil {
				return err
			}
			if format == "hf" {
				if !s.Everything() {
					return errors.New("--format hf copies the whole version; for a part of it use fallow-data snapshot")
				}
				return explain(hint(args[0], exportFolder(args[0], out)))
			}
			if _, ok := formats[format]; !ok {
				return fmt.Errorf("--format %q: give hf, jsonl, dolma, warc or wet", format)
			}
			return explain(hint(args[0], toFile(out, cmd.OutOrStdout(), func(w io.Writer, compressed bool) error {
				return writeFormat(cmd.Context(), format, args[0], s, w, compressed)
			})))
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "hf, jsonl, dolma, warc or wet")
	cmd.Flags().StringVar(&out, "out", "", "file, or for hf the folder, to write")
	which.add(cmd.Flags(), false)
	return cmd
}

// formats write a version; members says that they compress piece by piece.
var formats = map[string]struct {
	write   func(ctx context.Context, v *dataset.Version, s dataset.Selection, w io.Writer, compressed bool) error
	members bool
}{
	"jsonl": {writeLines, false},
	"dolma": {func(ctx context.Context, v *dataset.Version, s dataset.Selection, w io.Writer, _ bool) error {
		return export.Dolma(ctx, v, s, w)
	}, false},
	"warc": {export.WARC, true},
	"wet":  {export.WET, true},
}

func writeFormat(ctx context.Context, format, path string, s dataset.Selection, w io.Writer, compressed bool) error {
	f := formats[format]
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		if !info.IsDir() {
			return writeShard(format, path, s, w)
		}
		v, err := dataset.OpenVersion(path)
		if err != nil {
			return err
		}
		return f.write(ctx, v, s, w, compressed && f.members)
	}
	if !compressed || f.members {
		return write(w)
	}
	z := gzip.NewWriter(w)
	return errors.Join(write(z), z.Close())
}

func writeShard(format, path string, s dataset.Selection, w io.Writer) error {
	if format != "jsonl" || !s.Everything() {
		return errors.New("a single shard is exported as jsonl and whole; give the folder of its version")
	}
	lines := newLines(w)
	return dataset.ReadShard(path, func(_ int64, r *dataset.Record) error { return lines.Encode(r) })
}

func writeLines(ctx context.Context, v *dataset.Version, s dataset.Selection, w io.Writer, _ bool) error {
	lines := newLines(w)
	return v.Select(ctx, s, func(_ string, r *dataset.Record) error { return lines.Encode(r) })
}

func newLines(w io.Writer) *json.Encoder {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return lines
}

func exportFolder(path, out string) error {
	if out == "" {
		return errors.New("--format hf writes a folder: name it with --out")
	}
	v, err := dataset.OpenVersion(path)
	if err != nil {
		return err
	}
	return v.Copy(out)
}

// toFile writes to a file, whole or not at all, or to standard output.
func toFile(out string, stdout io.Writer, write func(w io.Writer, compressed bool) error) error {
	buffered := func(to io.Writer) error {
		w := bufio.NewWriterSize(to, 1<<20)
		return errors.Join(write(w, strings.HasSuffix(out, ".gz")), w.Flush())
	}
	if out == "" || out == "-" {
		return buffered(stdout)
	}
	tmp := out + ".tmp"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	err = buffered(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, out)
}
