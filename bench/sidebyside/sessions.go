package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/gpamc/gpamc/bench/internal/served"
)

// A sessionsRow compares many sessions of one thread, each on a goroutine of its own, with one.
type sessionsRow struct {
	Model string `json:"model"`
	size
	Sessions int     `json:"sessions"`
	One      float64 `json:"one_runs_per_second"`
	All      float64 `json:"all_runs_per_second"`
	Ratio    float64 `json:"ratio_of_medians"`
	Peak     int64   `json:"peak_bytes_of_one"`
	More     int64   `json:"bytes_per_further_session"`
}

const sessionsHeader = "model            size  sessions | one: runs/s   MB | all: runs/s  ratio  MB for each further"

func (r sessionsRow) String() string {
	return fmt.Sprintf("%-15s %5s %9d | %11.1f %4d | %11.1f  %5.2f %20.1f", r.Model, r.size, r.Sessions, r.One, r.Peak>>20, r.All, r.Ratio,
		float64(r.More)/(1<<20))
}

// compareSessions runs a program with one session and one with n in turns.
func (o *options) compareSessions(m *model, z size, n int) (sessionsRow, error) {
	row := sessionsRow{Model: m.Name, size: z, Sessions: n}
	dir, err := m.inputs(o.cache, z)
	if err != nil {
		return row, err
	}
	var programs [2]*served.Program
	for i, sessions := range []int{1, n} {
		if programs[i], err = served.Start([]string{m.program, "1", fmt.Sprint(sessions), dir}); err != nil {
			return row, err
		}
		defer programs[i].End()
	}
	var times [2][]time.Duration
	for round := range o.rounds + 1 {
		for i, p := range programs {
			took, err := p.Burst()
			if err != nil {
				return row, err
			}
			if round > 0 { // the first is to get warm
				times[i] = append(times[i], took)
			}
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	one, all := times[0][o.rounds/2], times[1][o.rounds/2]
	row.One, row.All, row.Ratio = 1/one.Seconds(), 1/all.Seconds(), one.Seconds()/all.Seconds()
	row.Peak = programs[0].Peak()
	if n > 1 {
		row.More = (programs[1].Peak() - row.Peak) / int64(n-1)
	}
	return row, nil
}
