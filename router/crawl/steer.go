package crawl

import "fmt"

// steer makes the frontier hand out a job's addresses exactly while the job
// wants any. Call it after whatever may have changed that: without it the
// frontier would hand out, over and over, addresses that must be put back, and
// spend their sites' turns on them.
func (c *Crawler) steer(r *run) error {
	r.steering.Lock()
	defer r.steering.Unlock()
	held := !r.wants()
	if held == r.held {
		return nil
	}
	tell := c.frontier.Resume
	if held {
		tell = c.frontier.Pause
	}
	if err := tell(r.job.ID); err != nil {
		return fmt.Errorf("steer job %s: %w", r.job.ID, err)
	}
	r.held = held
	return nil
}
