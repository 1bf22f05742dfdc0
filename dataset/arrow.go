package dataset

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// Schema is the Arrow schema of a shard. Every field carries metadata:
// "description", "source" (where the value comes from), "unit" where it has one,
// and "since", the schema version that brought it.
func Schema() *arrow.Schema { return recordsTable().arrow() }

// DuplicatesSchema is the Arrow schema of duplicates.parquet.
func DuplicatesSchema() *arrow.Schema { return duplicatesTable().arrow() }

// RawSchema is the Arrow schema of the files under raw/.
func RawSchema() *arrow.Schema { return rawTable().arrow() }

func (t *table[T]) arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(t.columns))
	for i, c := range t.columns {
		keys, values := []string{"description", "source", "since"}, []string{c.about, c.source, strconv.Itoa(max(c.since, 1))}
		if c.unit != "" {
			keys, values = append(keys, "unit"), append(values, c.unit)
		}
		fields[i] = arrow.Field{Name: c.name, Type: c.arrow(), Metadata: arrow.NewMetadata(keys, values)}
	}
	meta := arrow.NewMetadata([]string{"fallow.table", "fallow.schema"}, []string{t.name, t.version()})
	return arrow.NewSchema(fields, &meta)
}

func (c *column[T]) arrow() arrow.DataType {
	switch c.kind {
	case kindText:
		return arrow.BinaryTypes.String
	case kindBinary, kindBytes:
		// Plain binary, though the width is fixed: Hugging Face's datasets
		// library refused Arrow's fixed_size_binary until the middle of 2026,
		// and DELTA_LENGTH_BYTE_ARRAY stores equal lengths in no space.
		return arrow.BinaryTypes.Binary
	case kindInt64:
		return arrow.PrimitiveTypes.Int64
	case kindInt32:
		return arrow.PrimitiveTypes.Int32
	case kindFloat:
		return arrow.PrimitiveTypes.Float64
	case kindTime:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	default:
		return arrow.ListOfNonNullable(arrow.StructOf(
			arrow.Field{Name: "source", Type: arrow.BinaryTypes.String},
			arrow.Field{Name: "text", Type: arrow.BinaryTypes.String},
		))
	}
}

// arrowFooter is the schema as readers of the ARROW:schema footer key expect
// it: an IPC stream without batches, in base64.
func (t *table[T]) arrowFooter() (string, error) {
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(t.arrow()))
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("encode the Arrow schema: %w", err)
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

// parquet is the same schema in Parquet's terms. No column may be null.
func (t *table[T]) parquet() (*schema.GroupNode, error) {
	fields := make(schema.FieldList, 0, len(t.columns))
	for i := range t.columns {
		node, err := t.columns[i].parquet()
		if err != nil {
			return nil, fmt.Errorf("schema of column %q: %w", t.columns[i].name, err)
		}
		fields = append(fields, node)
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func (c *column[T]) parquet() (schema.Node, error) {
	if c.kind == kindSignals {
		return signalsNode(c.name)
	}
	logical, physical := schema.LogicalType(schema.NoLogicalType{}), parquet.Types.ByteArray
	switch c.kind {
	case kindText:
		logical = schema.StringLogicalType{}
	case kindInt64:
		physical = parquet.Types.Int64
	case kindInt32:
		physical = parquet.Types.Int32
	case kindFloat:
		physical = parquet.Types.Double
	case kindTime:
		logical, physical = schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64
	}
	return schema.NewPrimitiveNodeLogical(c.name, parquet.Repetitions.Required, logical, physical, -1, -1)
}

func signalsNode(name string) (schema.Node, error) {
	var parts schema.FieldList
	for _, part := range []string{"source", "text"} {
		node, err := schema.NewPrimitiveNodeLogical(part, parquet.Repetitions.Required, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, node)
	}
	element, err := schema.NewGroupNode("element", parquet.Repetitions.Required, parts, -1)
	if err != nil {
		return nil, err
	}
	return schema.ListOfWithName(name, element, parquet.Repetitions.Required, -1)
}

// leafPaths are the Parquet leaf columns of the table in order, each with the
// index of the column it belongs to.
func (t *table[T]) leafPaths() (paths []string, owner []int) {
	for i := range t.columns {
		own := t.columns[i].leafPaths()
		paths = append(paths, own...)
		for range own {
			owner = append(owner, i)
		}
	}
	return paths, owner
}
