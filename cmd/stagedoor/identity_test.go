package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/golang-jwt/jwt/v5"
)

// TestTheManualsRolesAndIssuersLetAHolderOfATokenIn starts the program with the two files that docs/operating.md shows,
// and comes with a token of that issuer.
func TestTheManualsRolesAndIssuersLetAHolderOfATokenIn(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	const secret = "a secret of thirty-two characters"
	files := map[string]string{"id.example.org.jwks.json": `{"keys": [{"kty": "oct", "alg": "HS256", "k": "YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBjaGFyYWN0ZXJz"}]}`}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(manual), -1) {
		for name, start := range map[string]string{"roles.json": `{"Roles"`, "issuers.json": `{"Issuers"`} {
			if strings.HasPrefix(block[1], start) {
				files[name] = block[1]
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) != 3 {
		t.Fatalf("the manual shows %d of the two files", len(files)-1)
	}
	startEngine(t, nil, "--data", data, "--roles", filepath.Join(data, "roles.json"), "--issuers", filepath.Join(data, "issuers.json"))
	env := variables(t, data)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "https://id.example.org", "aud": "chat", "sub": "ticket-4711",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"User": []string{"ann"}}}}).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL"])})
	out, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"), RoleSessionName: aws.String("ann"), WebIdentityToken: &token})
	if err != nil {
		t.Fatal(err)
	}
	env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"] =
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken
	if err := ask(t, env); err != nil {
		t.Error(err)
	}
}
