package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset"
)

func newSnapshot() *cobra.Command {
	var out string
	var asJSON bool
	var which selectionFlags
	cmd := &cobra.Command{
		Use:   "snapshot PATH --out DIR",
		Short: "Write chosen rows and columns of a version into a folder",
		Long: `Write chosen rows and columns of a version into a new folder of Parquet files, which
load_dataset and every other reader of Parquet takes as it is. Conditions of one kind
are alternatives, those of different kinds must all hold. Shards and row groups that
hold none of it are passed over.

Nobody signs a snapshot: snapshot.json names the signed version it is of. Its column
leaf is that of the version.`,
		Example: `  fallow-data snapshot datasets/go-docs/v1 --language eng --columns url,text --out ./english
  fallow-data snapshot datasets/go-docs/v1 --ai-train y,unstated --license CC-BY-4.0,CC0-1.0 --out ./open
  fallow-data snapshot datasets/go-docs/v1 --site go.dev --from 2026-11-01 --to 2026-12-01 --out ./november --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("name the folder to make with --out")
			}
			s, err := which.selection()
			if err != nil {
				return err
			}
			v, err := dataset.OpenVersion(args[0])
			if err != nil {
				return explain(hint(args[0], err))
			}
			made, err := v.Snapshot(cmd.Context(), out, s)
			if err != nil {
				return explain(err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), made)
			}
			show := newScreen(cmd.OutOrStdout())
			show.printf("%s %d of %d rows of %s version %d are in %s, %d file(s)\n", show.good("done"), made.Rows, made.Of, visible(made.Dataset), made.Version, visible(out), len(made.Shards))
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to make")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write what was made as one JSON object")
	which.add(cmd.Flags(), true)
	return cmd
}
