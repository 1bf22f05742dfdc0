package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Errors of opening and of a disk that gives out. Their text is for the
// operator and says what to do.
var (
	// ErrNewer says that the schema is of a later program.
	ErrNewer = errors.New("the data directory was written by a newer version of fallow-router: upgrade fallow-router or restore a backup")
	// ErrInUse says that another process has the database open.
	ErrInUse = errors.New("the data directory is in use by another fallow-router: stop that one or give this one another --data")
	// ErrFull says that the disk is full. What was acknowledged is safe.
	ErrFull = errors.New("the disk is full: free some space and try again; nothing acknowledged is lost")
	// ErrDamaged says that the file is not, or no longer, a database.
	ErrDamaged = errors.New("the database is damaged or is not one: restore a backup")
)

// Bounds on connections and waits.
const (
	readers     = 4     // connections for queries
	busyTimeout = 5_000 // milliseconds to wait for a lock, which only a foreign program can hold
)

// Open opens the database at path, makes it if it is not there and brings its
// schema up to date. The folder must exist. Only one process can have it open.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{log: log, path: path}
	if err := s.open(ctx); err != nil {
		if s.lock != nil {
			_ = s.lock.Close()
		}
		if s.writer != nil {
			_ = s.writer.Close()
		}
		return nil, fmt.Errorf("open database %s: %w", path, s.explain(err))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.lock, err = takeLock(ctx, s.path+".lock"); err != nil {
		return err
	}
	if s.writer, err = connect(s.path, 1, "_txlock=immediate"); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	s.reader, err = connect(s.path, readers, "_pragma=query_only(1)")
	return err
}

// connect prepares a pool of SQLite connections. synchronous(FULL) is what
// makes a returned write survive a power cut.
func connect(path string, connections int, extra string) (*sql.DB, error) {
	dsn := fileURI(path) + fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&", busyTimeout) + extra
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// fileURI escapes what SQLite would take for a query or a fragment.
func fileURI(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// takeLock holds an exclusive transaction on an empty database of its own. WAL
// lets several processes write in turn, which two routers must not; SQLite's
// file lock works on every system and falls with the process.
func takeLock(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fileURI(path)+"?_pragma=busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, files, goose.WithSlog(s.log))
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	if ours := sources[len(sources)-1].Version; version > ours {
		return fmt.Errorf("%w (schema %d, this program knows %d)", ErrNewer, version, ours)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	if len(results) > 0 {
		s.log.Info("schema brought up to date", "from", version, "to", results[len(results)-1].Source.Version)
	}
	return nil
}

// explain puts the error an operator can act on before the driver's own.
func (s *Store) explain(err error) error {
	var driver *sqlite.Error
	if !errors.As(err, &driver) {
		return err
	}
	switch driver.Code() & 0xff { // the low byte is the primary code
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w (%w)", ErrFull, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%s cannot be opened for writing: check that the folder exists and belongs to this user (%w)", s.path, err)
	}
	return err
}
