package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

type engineCmd struct {
	config.Storage
	Listen     string `help:"Address to listen on." default:"127.0.0.1:8090" env:"STAGEDOOR_ENGINE_LISTEN"`
	Region     string `help:"Region in ARNs and signatures." default:"us-east-1" env:"AWS_REGION"`
	Limits     string `help:"What callers are held to: none, case (10 requests/s over everything), aws-us-east-1 or aws-eu-central-1 (Amazon's published limits)." default:"none" enum:"none,case,aws-us-east-1,aws-eu-central-1" env:"STAGEDOOR_ENGINE_LIMITS"`
	PublicHost string `help:"Host name that messaging sessions are sent to; default: the one of each request." env:"STAGEDOOR_ENGINE_PUBLIC_HOST"`
	Key        string `name:"access-key-id" help:"Root access key id; made and kept in the data folder by default." env:"STAGEDOOR_ENGINE_ACCESS_KEY_ID"`
	Secret     string `name:"secret-access-key" hidden:"" env:"STAGEDOOR_ENGINE_SECRET_ACCESS_KEY"`
}

// Run serves the chat alone.
func (c *engineCmd) Run(ctx context.Context, log *slog.Logger) error {
	if (c.Key == "") != (c.Secret == "") {
		return fmt.Errorf("STAGEDOOR_ENGINE_ACCESS_KEY_ID and STAGEDOOR_ENGINE_SECRET_ACCESS_KEY go together")
	}
	limits, err := engine.Preset(c.Limits)
	if err != nil {
		return err
	}
	e, err := app.OpenEngine(ctx, c.Storage, engine.Config{Region: c.Region, AccessKeyID: c.Key, SecretAccessKey: c.Secret,
		PublicHost: c.PublicHost, Limits: limits, Logger: log})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	fmt.Printf("stagedoor engine speaks Amazon Chime SDK messaging, identity and STS on http://%s\n\n"+
		"  Its root keys are in %s/secrets.json. To call it with an AWS SDK or the AWS CLI:\n"+
		"    export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_REGION=%s AWS_ENDPOINT_URL=http://%s\n"+
		"    aws chime-sdk-identity create-app-instance --name demo\n", l.Addr(), c.Data, c.Region, l.Addr())
	return app.ServeEngine(ctx, l, e, log)
}
