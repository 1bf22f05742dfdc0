package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
)

const jobColumns = "id, dataset, purpose, scope, max_pages, country, state, reason, created, updated, finished, keep_raw, near, redact, options"

// MaxJobList is the most jobs one call of Jobs returns, and its default.
const MaxJobList = 1_000

// CreateJob stores j with its seeds. ErrExists if its id is taken.
func (s *Store) CreateJob(ctx context.Context, j job.Job) error {
	return s.write(ctx, "create job "+j.ID, func(tx *sql.Tx) error {
		options, err := json.Marshal(j.Options)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO jobs (`+jobColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING`,
			j.ID, j.Dataset, j.Purpose, string(j.Scope), j.MaxPages, j.Country, string(j.State), j.Reason,
			toMillis(j.Created), toMillis(j.Updated), toMillis(j.Finished), toFlag(j.KeepRaw), j.Near, toFlag(j.Redact), string(options))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrExists)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO job_seeds (job, seeds) VALUES ($1, $2)`, j.ID, strings.Join(j.Seeds, "\n"))
		return err
	})
}

// Job is the job with that id, seeds included. ErrNotFound if there is none.
func (s *Store) Job(ctx context.Context, id string) (job.Job, error) {
	var j job.Job
	err := s.read(ctx, "read job", func(tx *sql.Tx) error {
		var err error
		if j, err = scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`, id)); err != nil {
			return err
		}
		var seeds string
		if err := tx.QueryRowContext(ctx, `SELECT seeds FROM job_seeds WHERE job = $1`, id).Scan(&seeds); err != nil {
			return err
		}
		j.Seeds = strings.Split(seeds, "\n")
		return nil
	})
	return j, err
}

// JobQuery says which jobs to list.
type JobQuery struct {
	States []job.State // only in these; empty = all
	Limit  int         // at most so many; 0 or above MaxJobList = MaxJobList
	After  string      // the id at which the page before ended; "" = from the newest
}

// Jobs lists jobs without their seeds, newest first. ErrNotFound if After is
// not the id of a job.
func (s *Store) Jobs(ctx context.Context, q JobQuery) ([]job.Job, error) {
	var list []job.Job
	err := s.read(ctx, "list jobs", func(tx *sql.Tx) error {
		query, args, err := jobQuery(ctx, tx, q)
		if err != nil {
			return err
		}
		return each(ctx, tx, func(rows *sql.Rows) error {
			j, err := scanJob(rows)
			list = append(list, j)
			return err
		}, query, args...)
	})
	return list, err
}

func jobQuery(ctx context.Context, tx *sql.Tx, q JobQuery) (string, []any, error) {
	var where []string
	var args []any
	arg := func(v any) string { // the next placeholder, for v
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if len(q.States) > 0 {
		var in []string
		for _, state := range q.States {
			in = append(in, arg(string(state)))
		}
		where = append(where, "state IN ("+strings.Join(in, ", ")+")")
	}
	if q.After != "" {
		var created int64
		if err := tx.QueryRowContext(ctx, `SELECT created FROM jobs WHERE id = $1`, q.After).Scan(&created); err != nil {
			return "", nil, found(err)
		}
		where = append(where, fmt.Sprintf("(created, id) < (%s, %s)", arg(created), arg(q.After)))
	}
	query := `SELECT ` + jobColumns + ` FROM jobs`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	if q.Limit <= 0 || q.Limit > MaxJobList {
		q.Limit = MaxJobList
	}
	return query + ` ORDER BY created DESC, id DESC LIMIT ` + arg(q.Limit), args, nil
}

// SetJobState moves a job from one state to another, with the reason for it,
// and returns the job without its seeds. ErrConflict if the job is not in from
// any more or cannot go from there to to; ErrNotFound if there is no such job.
func (s *Store) SetJobState(ctx context.Context, id string, from, to job.State, reason string, at time.Time) (job.Job, error) {
	var j job.Job
	err := s.write(ctx, "set state of job", func(tx *sql.Tx) error {
		var err error
		if j, err = scanJob(tx.QueryRowContext(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1`, id)); err != nil {
			return err
		}
		switch {
		case j.State != from:
			return fmt.Errorf("%w: job %s is %s, not %s", ErrConflict, id, j.State, from)
		case !job.CanMove(from, to):
			return fmt.Errorf("%w: a %s job cannot become %s", ErrConflict, from, to)
		}
		j.State, j.Reason, j.Updated = to, reason, fromMillis(toMillis(at))
		if to.Final() {
			j.Finished = j.Updated
		}
		_, err = tx.ExecContext(ctx, `UPDATE jobs SET state = $1, reason = $2, updated = $3, finished = $4 WHERE id = $5`,
			string(j.State), j.Reason, toMillis(j.Updated), toMillis(j.Finished), id)
		return err
	})
	return j, err
}

// toFlag is how a boolean is stored: SQLite has none.
func toFlag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

// row is what a *sql.Row and *sql.Rows have in common.
type row interface{ Scan(into ...any) error }

func scanJob(r row) (job.Job, error) {
	var j job.Job
	var created, updated, finished, keepRaw, redact int64
	var options string
	err := r.Scan(&j.ID, &j.Dataset, &j.Purpose, &j.Scope, &j.MaxPages, &j.Country, &j.State, &j.Reason,
		&created, &updated, &finished, &keepRaw, &j.Near, &redact, &options)
	if err == nil {
		err = json.Unmarshal([]byte(options), &j.Options)
	}
	j.KeepRaw, j.Redact = keepRaw != 0, redact != 0
	j.Created, j.Updated, j.Finished = fromMillis(created), fromMillis(updated), fromMillis(finished)
	return j, found(err)
}

// found gives the absence of a row our own name.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
