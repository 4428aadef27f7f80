package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/internal/selfsigned"
)

// asProgram makes this test binary be stagedoor, so that tests see the program from outside.
const asProgram = "STAGEDOOR_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// stagedoor is a command that will run the program with nothing of this process's settings.
func stagedoor(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "STAGEDOOR_") && !strings.HasPrefix(v, "AWS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, asProgram+"=1", "GORACE=atexit_sleep_ms=0") // the race detector would rest for a second at each end
	return cmd
}

// running is a `stagedoor engine`.
type running struct {
	url, said string
	stop      func() error // as Ctrl-C does
}

func startEngine(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	cmd := stagedoor(context.Background(), append([]string{"engine", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	e := &running{stop: func() error {
		if ended {
			return nil
		}
		ended = true
		_ = cmd.Process.Signal(os.Interrupt)
		impatient := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer impatient.Stop()
		return cmd.Wait()
	}}
	t.Cleanup(func() {
		if err := e.stop(); err != nil {
			t.Errorf("the engine ended with %v", err)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); { // until the program ends, if it cannot serve
		e.said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "Ctrl-C") {
			e.url = regexp.MustCompile(`https?://\S+`).FindString(e.said)
			return e
		}
	}
	t.Fatalf("the engine said\n%s", e.said)
	return nil
}

// variables evaluates what `engine env` prints in a shell and returns the AWS variables of that shell.
func variables(t *testing.T, data string) map[string]string {
	t.Helper()
	cmd := stagedoor(t.Context())
	sh := exec.CommandContext(t.Context(), "sh", "-c", `eval "$("$0" engine env --data "$1")" && env`, os.Args[0], data)
	sh.Env = append(cmd.Env, "AWS_SESSION_TOKEN=left over", "AWS_PROFILE=left over")
	sh.Stderr = t.Output()
	out, err := sh.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && (strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "NODE_")) {
			found[name] = value
		}
	}
	return found
}

// trusting is an HTTP client that trusts nothing but the file.
func trusting(t *testing.T, file string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// ask calls the engine with the variables of a shell.
func ask(t *testing.T, env map[string]string) error {
	t.Helper()
	cfg := aws.Config{Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL"]),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"], SessionToken: env["AWS_SESSION_TOKEN"]}, nil
		})}
	if file := env["AWS_CA_BUNDLE"]; file != "" {
		cfg.HTTPClient = trusting(t, file)
	}
	_, err := chimesdkmessaging.NewFromConfig(cfg).GetMessagingSessionEndpoint(t.Context(), &chimesdkmessaging.GetMessagingSessionEndpointInput{})
	return err
}

// Amazon's client gives up ten seconds after it first finds nobody. Who is sent away first waits for the rest of the drain,
// for the second that the last one has to answer, and for the two that the next engine takes to start.
func TestWhoIsSentAwayFirstStillWaitsWhenTheNextEngineIsThere(t *testing.T) {
	t.Parallel()
	var c cli
	k, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse([]string{"engine"}); err != nil {
		t.Fatal(err)
	}
	if away := c.Engine.Drain + 3*time.Second; away >= 10*time.Second {
		t.Errorf("nobody is there for %v", away)
	}
}

// A stopping engine used to cut off, and to fail, whatever took longer than ten seconds in all: a drain of a minute ended in
// everybody being sent away at one moment.
func TestAStoppingEngineTakesTheTimeThatItsDrainNeeds(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	const drain = 22 * time.Second // of two sessions the second is sent away after half of it
	e := startEngine(t, nil, "--data", data, "--drain", drain.String())
	env := variables(t, data)
	credentials := aws.Credentials{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"]}
	cfg := aws.Config{Region: env["AWS_REGION"], BaseEndpoint: aws.String(e.url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })}
	id := chimesdkidentity.NewFromConfig(cfg)
	app, err := id.CreateAppInstance(t.Context(), &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	user, err := id.CreateAppInstanceUser(t.Context(), &chimesdkidentity.CreateAppInstanceUserInput{AppInstanceArn: app.AppInstanceArn,
		AppInstanceUserId: aws.String("ann"), Name: aws.String("Ann")})
	if err != nil {
		t.Fatal(err)
	}
	ends := make(chan error, 2)
	for _, session := range []string{"1", "2"} {
		q := url.Values{"userArn": {*user.AppInstanceUserArn}, "sessionId": {session}, "X-Amz-Expires": {"10"}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", e.url+"/connect?"+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, r, empty, "chime", cfg.Region, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		conn, res, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(signed, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body != nil {
			_ = res.Body.Close()
		}
		if _, _, err := conn.Read(t.Context()); err != nil { // SESSION_ESTABLISHED
			t.Fatal(err)
		}
		go func() { _, _, err := conn.Read(t.Context()); ends <- err }()
	}
	began := time.Now()
	if err := e.stop(); err != nil {
		t.Errorf("the engine ended with %v", err)
	}
	if took := time.Since(began); took < drain/2 {
		t.Errorf("everybody was away after %v", took)
	}
	for range 2 {
		if err := <-ends; websocket.CloseStatus(err) != websocket.StatusServiceRestart {
			t.Errorf("a session ended with %v", err)
		}
	}
}

func TestAShellLearnsTheEnginesAddressAndKeyAndTheScreenDoesNot(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "it's a folder")
	cmd := stagedoor(t.Context(), "engine", "env", "--data", data)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--data: no engine has been started in "+data) {
		t.Errorf("before the first start: %v %s", err, out)
	}
	e := startEngine(t, nil, "--data", data)
	env := variables(t, data)
	if env["AWS_ENDPOINT_URL"] != e.url || env["AWS_REGION"] != "us-east-1" {
		t.Errorf("the engine is at %s, the shell has %v", e.url, env)
	}
	if _, left := env["AWS_SESSION_TOKEN"]; left {
		t.Error("a session token of other work is left over")
	}
	if err := ask(t, env); err != nil {
		t.Error(err)
	}
	if err := e.stop(); err != nil {
		t.Error(err)
	}
	again := startEngine(t, nil, "--data", data)
	if now := variables(t, data); now["AWS_SECRET_ACCESS_KEY"] != env["AWS_SECRET_ACCESS_KEY"] || now["AWS_ENDPOINT_URL"] != again.url {
		t.Errorf("after a restart %v, before %v", now, env)
	}
}

func TestARootKeyOfTheEnvironmentIsTheEnginesAndIsKeptNowhere(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	const secret = "wJalrXUtnFEMIexampleKEY"
	startEngine(t, []string{"STAGEDOOR_ENGINE_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "STAGEDOOR_ENGINE_SECRET_ACCESS_KEY=" + secret}, "--data", data)
	out, err := stagedoor(t.Context(), "engine", "env", "--data", data).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the engine was started with the root key AKIAIOSFODNN7EXAMPLE") {
		t.Errorf("without the key: %v %s", err, out)
	}
	cmd := stagedoor(t.Context(), "engine", "env", "--data", data)
	cmd.Env = append(cmd.Env, "STAGEDOOR_ENGINE_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "STAGEDOOR_ENGINE_SECRET_ACCESS_KEY="+secret)
	text, err := cmd.Output()
	if err != nil || !strings.Contains(string(text), "export AWS_SECRET_ACCESS_KEY="+secret+"\n") {
		t.Errorf("with the key: %v %s", err, text)
	}
	files, err := filepath.Glob(filepath.Join(data, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s has the secret, or cannot be read: %v", f, err)
		}
	}
}

func TestTheEngineSpeaksTLSWithACertificateOfItsOwn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	e := startEngine(t, nil, "--data", data, "--tls", "--public-host", "chat.example.org:8443")
	env := variables(t, data)
	if env["AWS_CA_BUNDLE"] != env["NODE_EXTRA_CA_CERTS"] || !strings.HasPrefix(env["AWS_ENDPOINT_URL"], "https://127.0.0.1:") {
		t.Errorf("variables %v", env)
	}
	if err := ask(t, env); err != nil {
		t.Error(err)
	}
	r, err := trusting(t, env["AWS_CA_BUNDLE"]).Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.ProtoMajor != 2 || r.TLS.PeerCertificates[0].VerifyHostname("chat.example.org") != nil {
		t.Errorf("%s with a certificate for %v", r.Proto, r.TLS.PeerCertificates[0].DNSNames)
	}
}

func TestTheEngineTakesACertificateThatSomebodyIssued(t *testing.T) {
	t.Parallel()
	data, issued := t.TempDir(), t.TempDir()
	k, err := selfsigned.Open(issued, []string{"127.0.0.1"}, nil) // as good as any
	if err != nil {
		t.Fatal(err)
	}
	e := startEngine(t, nil, "--data", data, "--tls-cert", k.File(), "--tls-key", filepath.Join(issued, "engine-key.pem"))
	r, err := trusting(t, k.File()).Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if !bytes.Equal(r.TLS.PeerCertificates[0].Raw, k.Leaf().Raw) {
		t.Error("another certificate is served")
	}
	if env := variables(t, data); env["AWS_CA_BUNDLE"] != "" {
		t.Errorf("a certificate that everybody trusts was made to be trusted: %v", env)
	}
}

func TestSettingsThatCannotBeEndTheProgramWithTheFlagsName(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	busy := startEngine(t, nil, "--data", t.TempDir())
	for flag, args := range map[string][]string{
		"--listen":        {"--listen", strings.TrimPrefix(busy.url, "http://")},
		"--origins":       {"--origins", "show.example.org"},
		"--public-host":   {"--public-host", "https://chat.example.org"},
		"--region":        {"--region", "moon"},
		"--access-key-id": {"--access-key-id", "AKIAIOSFODNN7EXAMPLE"},
		"--tls-cert":      {"--tls-cert", empty, "--tls-key", empty},
		"--tls":           {"--tls", "--tls-cert", empty, "--tls-key", empty},
		"--tsl":           {"--tsl"},
		"--roles":         {"--roles", empty},
		"--issuers":       {"--issuers", empty},
		"--drain":         {"--drain", "-1s"},
	} {
		out, err := stagedoor(t.Context(), append([]string{"engine", "--data", t.TempDir()}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), flag) {
			t.Errorf("%s: %v, %s", args, err, out)
		}
	}
}

// The commands that the engine prints are the ones people copy: they are run as they stand, by the SDK that is there.
func TestWhatTheEnginePrintsIsTrueForTheSDKForJavaScript(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	packages, missing := filepath.Abs("../../engine/conformance")
	if _, gone := os.Stat(filepath.Join(packages, "node_modules", "@aws-sdk", "client-sts")); err != nil || missing != nil || gone != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("Node or the clients are not installed: ", err, missing, gone)
		}
		t.Skip("Node or the clients are not installed; run npm ci in engine/conformance")
	}
	data := t.TempDir()
	said := startEngine(t, nil, "--data", data, "--tls").said
	eval := regexp.MustCompile(`(?m)^ +(eval .*)$`).FindStringSubmatch(said)
	var clients []string
	for _, m := range regexp.MustCompile(`new (\w+)\(\{\}\)`).FindAllStringSubmatch(said, -1) {
		clients = append(clients, m[1])
	}
	if eval == nil || len(clients) != 3 {
		t.Fatalf("the engine said\n%s", said)
	}
	secret := variables(t, data)["AWS_SECRET_ACCESS_KEY"]
	if secret == "" || strings.Contains(said, secret) {
		t.Errorf("the secret %q is on the screen:\n%s", secret, said)
	}
	script := `const {ChimeSDKMessagingClient, GetMessagingSessionEndpointCommand} = require("@aws-sdk/client-chime-sdk-messaging");
const {ChimeSDKIdentityClient, ListAppInstancesCommand} = require("@aws-sdk/client-chime-sdk-identity");
const {STSClient, GetCallerIdentityCommand} = require("@aws-sdk/client-sts");
(async () => {
  console.log((await new ` + clients[0] + `({}).send(new GetMessagingSessionEndpointCommand({}))).Endpoint.Url);
  console.log((await new ` + clients[1] + `({}).send(new ListAppInstancesCommand({}))).AppInstances.length);
  console.log((await new ` + clients[2] + `({}).send(new GetCallerIdentityCommand({}))).Account);
})().catch(e => { console.error(e); process.exit(1) });`
	sh := exec.CommandContext(t.Context(), "sh", "-c", eval[1]+` && exec "$0" -e "$1"`, node, script)
	sh.Dir, sh.Env, sh.Stderr = packages, stagedoor(t.Context()).Env, t.Output()
	answer, err := sh.Output()
	if host := strings.TrimPrefix(variables(t, data)["AWS_ENDPOINT_URL"], "https://"); err != nil || string(answer) != fmt.Sprintf("%s\n0\n000000000000\n", host) {
		t.Errorf("%v: %s", err, answer)
	}
	pemText, err := os.ReadFile(filepath.Join(data, "engine-cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pemText)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !strings.Contains(said, selfsigned.Fingerprint(leaf)) {
		t.Errorf("the fingerprint is not that of the file: %v\n%s", err, said)
	}
}
