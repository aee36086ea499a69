package services

import (
	"strings"
	"time"
)

// EOL says how long a version of a service is maintained.
type EOL int

// What EOLOf returns.
const (
	Maintained  EOL = iota
	Approaching     // the end is less than four months away
	Passed
)

// endsOfLife are the days from which a version is not maintained any more, by service,
// "version=day" separated by spaces (spec: ece-tools C.4; later versions from their makers).
func endsOfLife(service string) string {
	switch service {
	case "php":
		return "7.0=2019-01-10 7.1=2019-12-01 7.2=2020-11-30 7.3=2021-12-06 7.4=2022-11-28 8.1=2023-11-25 8.2=2024-12-08 8.3=2025-11-23"
	case "mariadb", "mysql":
		return "10.0=2019-03-31 10.1=2020-10-17 10.2=2022-05-23 10.3=2023-05-25 10.4=2024-06-18 10.6=2026-07-31"
	case "elasticsearch":
		return "1.7=2017-01-16 2.4=2018-02-28 5.2=2018-07-31 6.5=2020-05-14 6.8=2020-11-20 7.2=2020-12-25 7.5=2021-06-02 7.6=2021-08-11 7.7=2021-11-13 7.9=2022-02-18"
	case "rabbitmq":
		return "3.5=2016-10-31 3.7=2020-03-31 3.8=2022-07-31 3.9=2023-07-31 3.11=2024-06-30"
	case "redis", "redis-session":
		return "3.2=2018-10-17 4.0=2020-04-30 5.0=2020-04-30 5.2=2019-12-31 6.0=2022-05-31 6.2=2024-08-31 7.0=2023-08-15 7.2=2025-08-31"
	}
	return ""
}

// EOLOf returns how a version of a service stands at a time, and the day of its end. A
// version that the table does not have is maintained.
func EOLOf(service, version string, now time.Time) (EOL, time.Time) {
	for pair := range strings.FieldsSeq(endsOfLife(service)) {
		known, day, _ := strings.Cut(pair, "=")
		if version != known && !strings.HasPrefix(version, known+".") {
			continue
		}
		end, err := time.Parse(time.DateOnly, day)
		switch {
		case err != nil:
			return Maintained, time.Time{}
		case !end.After(now):
			return Passed, end
		case end.Before(now.AddDate(0, 4, 0)):
			return Approaching, end
		default:
			return Maintained, end
		}
	}
	return Maintained, time.Time{}
}
