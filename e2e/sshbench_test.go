package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/platform"
)

// TestSSHBench measures the SSH gateway with real containers beside OpenSSH's server on
// the same machine, if that has one, and prints medians. It judges no time. It runs only
// when SLUICE_BENCH_SSH is set, to the number of rounds.
func TestSSHBench(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("SLUICE_BENCH_SSH"))
	if err != nil {
		t.Skip("set SLUICE_BENCH_SSH=10")
	}
	m := newMachine(t)
	s := m.newShop("sshbench", "testdata/empty")
	s.tiny("hello")
	s.write(".magento.app.yaml", strings.Replace(s.read(".magento.app.yaml"), "disk:", "relationships: { cache: 'cache:redis' }\ndisk:", 1))
	s.commit("tiny")
	s.push()
	b := &sshBench{machine: m, dir: t.TempDir(), env: "sshbench-" + platform.MachineName("sshbench", "main"), took: map[string][]time.Duration{}}
	b.prepare()
	for range rounds {
		b.round()
	}
	b.print()
	b.crowd()
}

func (s *shop) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

const sshBenchBytes = 64 << 20

type sshBench struct {
	*machine
	dir   string
	env   string
	hosts []string // aliases in the configuration of ssh
	took  map[string][]time.Duration
}

func (b *sshBench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// prepare makes a key, a file of random bytes, the other server and the clients' configuration.
func (b *sshBench) prepare() {
	key := filepath.Join(b.dir, "id")
	if out, code := b.run(b.dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); code != 0 {
		b.t.Fatal(out)
	}
	b.sluice("ssh-key:add", key+".pub")
	content := make([]byte, sshBenchBytes)
	_, _ = rand.Read(content)
	b.must(os.WriteFile(filepath.Join(b.dir, "file"), content, 0o600))
	common := "IdentityFile " + key + "\n IdentitiesOnly yes\n HostName 127.0.0.1\n StrictHostKeyChecking accept-new\n UserKnownHostsFile " +
		filepath.Join(b.dir, "known_hosts") + "\n BatchMode yes\n LogLevel ERROR\n"
	config := fmt.Sprintf("Host gateway\n Port %d\n User %s--app\n %s", b.sshPort, b.env, common)
	b.hosts = []string{"gateway"}
	if port := b.startSSHD(key + ".pub"); port != 0 {
		config += fmt.Sprintf("Host openssh\n Port %d\n %s", port, common)
		b.hosts = append(b.hosts, "openssh")
	}
	b.must(os.WriteFile(filepath.Join(b.dir, "config"), []byte(config), 0o600))
}

// startSSHD starts OpenSSH's server on this machine and returns its port, 0 without one.
func (b *sshBench) startSSHD(keys string) int {
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil || os.Geteuid() != 0 {
		b.t.Log("no sshd on this machine (openssh-server); only the gateway is measured")
		return 0
	}
	b.must(os.MkdirAll("/run/sshd", 0o755)) // where it wants to be confined
	port := freePort(b.t)
	host := filepath.Join(b.dir, "host")
	if out, code := b.run(b.dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host); code != 0 {
		b.t.Fatal(out)
	}
	config := filepath.Join(b.dir, "sshd_config")
	b.must(os.WriteFile(config, fmt.Appendf(nil, "ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nPidFile none\nUsePAM no\n"+
		"PermitRootLogin yes\nPasswordAuthentication no\nPrintMotd no\nSubsystem sftp /usr/lib/openssh/sftp-server\n", port, host, keys), 0o600))
	cmd := exec.Command(program, "-D", "-f", config) //nolint:noctx // ended by the clean-up
	b.must(cmd.Start())
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b.eventually("sshd listens", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // only tried
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return port
}

// round does everything once with every server, so that a busy moment meets all of them.
func (b *sshBench) round() {
	config := "-F" + filepath.Join(b.dir, "config")
	local := filepath.Join(b.dir, "file")
	for _, host := range b.hosts {
		path := map[string]string{"gateway": "/app/var/file", "openssh": filepath.Join(b.dir, "remote")}[host]
		remote := host + ":" + path
		b.time("ssh HOST true", host, "ssh", config, host, "true")
		b.time("scp to HOST", host, "scp", config, local, remote)
		b.time("scp from HOST", host, "scp", config, remote, local+".back")
		b.time("scp -O to HOST", host, "scp", "-O", config, local, remote)
		b.time("scp -O from HOST", host, "scp", "-O", config, remote, local+".back")
		b.transfer("sftp to HOST", host, config, "put "+local+" "+path)
		b.transfer("sftp from HOST", host, config, "get "+path+" "+local+".back")
	}
}

// transfer has sftp carry out one command of its own.
func (b *sshBench) transfer(what, host, config, command string) {
	batch := filepath.Join(b.dir, "batch")
	b.must(os.WriteFile(batch, []byte(command+"\n"), 0o600))
	b.time(what, host, "sftp", "-q", config, "-b", batch, host)
}

func (b *sshBench) time(what, host, program string, args ...string) {
	begin := time.Now()
	if out, code := b.run(b.dir, program, args...); code != 0 {
		b.t.Fatalf("%s %s: exit status %d\n%s", what, host, code, out)
	}
	key := what + "\t" + host
	b.took[key] = append(b.took[key], time.Since(begin))
}

func (b *sshBench) print() {
	var lines []string
	for key, all := range b.took {
		slices.Sort(all)
		median := all[len(all)/2]
		line := fmt.Sprintf("%s\t%d ms", key, median.Milliseconds())
		if !strings.HasPrefix(key, "ssh") {
			line += fmt.Sprintf("\t%.0f MB/s", float64(sshBenchBytes)/1e6/median.Seconds())
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	b.t.Log("medians\n" + strings.Join(lines, "\n"))
}

// crowd opens 100 sessions in the container and 50 tunnels to a service, each on a
// connection of its own, and says what they cost the control plane.
func (b *sshBench) crowd() {
	data, err := os.ReadFile(filepath.Join(b.dir, "id"))
	b.must(err)
	signer, err := ssh.ParsePrivateKey(data)
	b.must(err)
	dial := func() *ssh.Client {
		c, err := ssh.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.sshPort)), &ssh.ClientConfig{
			User: b.env + "--app", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		})
		if err != nil {
			b.t.Error(err)
			return nil
		}
		b.t.Cleanup(func() { _ = c.Close() })
		return c
	}
	before, begin := b.daemonMemory(), time.Now()
	var work sync.WaitGroup
	const sessions, tunnels = 100, 50
	answered := make(chan string, sessions+tunnels)
	for i := range sessions + tunnels {
		work.Go(func() {
			c := dial()
			if c == nil {
				return
			}
			if i < tunnels {
				answered <- b.ask(c)
			} else {
				answered <- b.greet(c)
			}
		})
	}
	work.Wait()
	close(answered)
	counts := map[string]int{}
	for a := range answered {
		counts[a]++
	}
	if counts["+PONG"] != tunnels || counts["ready"] != sessions {
		b.t.Errorf("the answers were %v", counts)
	}
	b.t.Logf("%d sessions and %d tunnels at once: %.1f s until all had answered, the control plane's memory grew from %d to %d MB",
		sessions, tunnels, time.Since(begin).Seconds(), before>>10, b.daemonMemory()>>10)
}

// ask sends a command through a tunnel, which stays open.
func (b *sshBench) ask(c *ssh.Client) string {
	conn, err := c.Dial("tcp", "cache.internal:6379")
	if err != nil {
		return err.Error()
	}
	_, _ = io.WriteString(conn, "PING\r\n")
	answer := make([]byte, len("+PONG"))
	_, err = io.ReadFull(conn, answer)
	if err != nil {
		return err.Error()
	}
	return string(answer)
}

// greet starts a command that stays.
func (b *sshBench) greet(c *ssh.Client) string {
	s, err := c.NewSession()
	if err != nil {
		return err.Error()
	}
	out, err := s.StdoutPipe()
	if err == nil {
		_, err = s.StdinPipe()
	}
	if err == nil {
		err = s.Start("echo ready; exec cat")
	}
	line := make([]byte, len("ready"))
	if err == nil {
		_, err = io.ReadFull(out, line)
	}
	if err != nil {
		return err.Error()
	}
	return string(line)
}

// daemonMemory returns the resident memory of the control plane in KB.
func (b *sshBench) daemonMemory() int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.daemon.cmd.Process.Pid))
	b.must(err)
	_, rest, _ := bytes.Cut(data, []byte("VmRSS:"))
	kb, err := strconv.Atoi(strings.Fields(string(rest))[0])
	b.must(err)
	return kb
}
