package probe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Lag is the age of the newest transaction that was replayed, unless all that
// was received is and more would come: an idle primary makes no lag, a replica
// that lost its primary does (PostgreSQL documentation, "System Administration
// Functions", recovery information).
const (
	replicaQuery = `SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT 1 FROM pg_stat_wal_receiver) THEN 0
 ELSE GREATEST(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END, GREATEST(0, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()))`
	primaryQuery = `SELECT max(GREATEST(0, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))) FROM pg_stat_replication`
)

// postgresAttempt connects, logs in, and asks for the role and the lag of the
// replication. Any user may be told; pg_monitor lets a primary tell how far
// behind its replicas are.
func postgresAttempt(ctx context.Context, c Config) (out outcome, err error) {
	cfg, err := pgconn.ParseConfig(c.Target)
	if err != nil {
		return out, &failure{other, errors.New("the target is not a PostgreSQL URL")} // the text might hold a secret
	}
	if c.User != "" {
		cfg.User = c.User
	}
	password, err := conf.FileOr(c.Password, c.PasswordFile)
	if err != nil {
		return out, &failure{refused, err}
	}
	if !password.IsZero() {
		cfg.Password = password.Reveal()
	}
	cfg.RuntimeParams["application_name"] = "firewatch-probe"
	began := time.Now()
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return out, postgresFault(ctx, err)
	}
	defer func() { // politely, so that the server logs no lost client
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
		defer cancel()
		_ = conn.Close(end)
	}()
	out.took("probe_connect_duration", began)
	began = time.Now()
	row, err := queryRow(ctx, conn, "SELECT pg_is_in_recovery()")
	if err != nil {
		return out, postgresFault(ctx, err)
	}
	out.took("probe_query_duration", began)
	role, query, metrics := "primary", primaryQuery, []string{"probe_replication_lag_bytes"}
	if len(row) == 1 && row[0] == "t" {
		role, query, metrics = "replica", replicaQuery, []string{"probe_replication_lag", "probe_replication_lag_bytes"}
	}
	if row, err = queryRow(ctx, conn, query); err != nil {
		return out, postgresFault(ctx, err)
	}
	for i, text := range row {
		if v, err := strconv.ParseFloat(text, 64); err == nil && i < len(metrics) {
			out.add(metrics[i], v)
		}
	}
	return out, out.role(role, c.Expect.Role)
}

// queryRow gives the only row of an answer; NULL is "".
func queryRow(ctx context.Context, conn *pgconn.PgConn, sql string) ([]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return nil, &failure{other, errors.New("query: not one row")}
	}
	var row []string
	for _, v := range results[0].Rows[0] {
		row = append(row, string(v))
	}
	return row, nil
}

// postgresFault classes an error and leaves out the parts that repeat the
// target.
func postgresFault(ctx context.Context, err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		class := other
		if len(server.Code) == 5 && server.Code[:2] == "28" { // invalid authorization
			class = refused
		}
		return &failure{class, fmt.Errorf("the server answers %s: %s", server.Code, server.Message)}
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && ctx.Err() == nil {
		if class := classOf(connect.Unwrap()); class != other {
			return &failure{class, fmt.Errorf("connect: %w", connect.Unwrap())}
		}
		return &failure{notConnected, fmt.Errorf("connect: %w", connect.Unwrap())}
	}
	return err
}
