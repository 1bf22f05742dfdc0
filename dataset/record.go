package dataset

import (
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// Record is one row of a dataset: the columns of FineWeb-2 first and in its
// order, then Fallow's. schema.go says what each column means and in which
// unit; the order there is the order in the file.
type Record struct {
	Text               string
	ID                 string
	Dump               string
	URL                string
	Date               string
	FilePath           string
	Language           string
	LanguageScript     string
	LanguageScore      float64
	TokenCount         int64
	MinhashClusterSize int64

	Host             string
	Site             string
	SURT             string
	Title            string
	FetchedAt        time.Time
	Status           int32
	MIME             string
	Charset          string
	TextDigest       [16]byte
	NodeCountry      string
	Job              string
	Lease            [16]byte
	Robots           string
	RobotsRule       string
	AITrain          string
	Signals          []Signal
	Extractor        string
	ExtractorVersion string
	Transport        string
	TLSVersion       string
	TLSCertSHA256    [32]byte

	// Since schema 2; zero in records read from older files.

	DuplicateCluster string
	License          string
	LicenseSource    string
	PIIEmail         int32
	PIIPhone         int32
	PIIIBAN          int32
	PIINationalID    int32
	Collector        string
	Fields           string
	BodySHA256       [32]byte
	BodyBytes        int64
	Epoch            int64

	// Leaf is the row's Merkle leaf over all fields above. WriteShard computes
	// it; whatever stood there before is overwritten.
	Leaf merkle.Hash
}

// Signal is one opt-out or usage signal as it was found.
type Signal struct {
	Source string // where it stood: "robots.txt", "header", "meta", "well-known"
	Text   string // the signal verbatim
}

// The kinds of a Duplicate.
const (
	ExactDuplicate = "exact" // the normalised text is the same
	NearDuplicate  = "near"  // the texts are alike
)

// Duplicate is a page that was dropped because a record like it is kept.
type Duplicate struct {
	DroppedID  string
	DroppedURL string
	KeptID     string
	Kind       string  // ExactDuplicate or NearDuplicate
	Similarity float64 // Jaccard similarity of word shingles, 0 to 1; 1 for exact
	Leaf       merkle.Hash
}

// Raw is the answer that a record was made of, in the files under raw/: only
// jobs that ask for it keep it. It joins the records by ID, and its body is
// what the record's BodySHA256 is the digest of.
type Raw struct {
	ID        string
	URL       string
	FetchedAt time.Time
	Status    int32
	Protocol  string // of the answer: "HTTP/1.1", "HTTP/2.0"
	MIME      string
	// Header is the answer's header, "Name: value" in lines that end with CRLF,
	// sorted by name; cookies are left out, and so is the coding undone in Body.
	Header     string
	BodySHA256 [32]byte
	Body       []byte // content coding undone, otherwise as the site sent it
	Leaf       merkle.Hash
}
