package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset"
)

func newExport() *cobra.Command {
	var format, out string
	cmd := &cobra.Command{
		Use:   "export PATH --format hf|jsonl",
		Short: "Write a dataset in another layout",
		Long: `Write a version of a dataset, or a single shard, for another tool.

  jsonl  one JSON object a row, to standard output unless --out names a file
  hf     an independent copy of the version's folder, as the Hugging Face hub and
         its datasets library load it; every file is checked on the way (needs --out)`,
		Example: `  fallow-data export --format jsonl datasets/go-docs/v1 | head -3
  fallow-data export --format jsonl shard.parquet --out rows.jsonl
  fallow-data export --format hf datasets/go-docs/v1 --out ./go-docs`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch format {
			case "jsonl":
				return explain(hint(args[0], exportLines(args[0], out, cmd.OutOrStdout())))
			case "hf":
				return explain(hint(args[0], exportFolder(args[0], out)))
			default:
				return fmt.Errorf("--format %q: give hf or jsonl", format)
			}
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "hf or jsonl")
	cmd.Flags().StringVar(&out, "out", "", "file (jsonl) or folder (hf) to write")
	return cmd
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

// exportLines writes to a file whole or not at all, or to standard output.
func exportLines(path, out string, stdout io.Writer) error {
	if out == "" || out == "-" {
		return writeLines(path, stdout)
	}
	tmp := out + ".tmp"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	err = errors.Join(writeLines(path, f), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, out)
}

func writeLines(path string, to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<20)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	line := func(_ int64, r *dataset.Record) error { return lines.Encode(r) }
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.Join(dataset.ReadShard(path, line), w.Flush())
	}
	v, err := dataset.OpenVersion(path)
	if err != nil {
		return err
	}
	err = v.Read(func(_ string, row int64, r *dataset.Record) error { return line(row, r) })
	return errors.Join(err, w.Flush())
}
