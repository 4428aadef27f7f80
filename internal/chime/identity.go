package chime

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"

	"github.com/stagedoor/stagedoor/internal/arn"
)

// User is a chat account.
type User struct {
	ARN  arn.ARN
	Name string
}

// CreateAppInstance makes an app instance. The provider chooses its id, so the same token must be used again after a
// lost answer, and FindAppInstance after a long pause.
func (c *Client) CreateAppInstance(ctx context.Context, name, clientToken string) (arn.ARN, error) {
	out, err := call(ctx, c, Call{}, c.identity.CreateAppInstance,
		&chimesdkidentity.CreateAppInstanceInput{Name: &name, ClientRequestToken: token(clientToken)})
	if err != nil {
		return "", err
	}
	return arn.ARN(aws.ToString(out.AppInstanceArn)), nil
}

// AppInstance is an app instance and the name it was made with.
type AppInstance struct {
	ARN     arn.ARN
	Name    string
	Created time.Time // zero in lists
}

// DescribeAppInstance reads an app instance. One that does not exist is Denied with CodeForbidden; there is no 404.
func (c *Client) DescribeAppInstance(ctx context.Context, instance arn.ARN) (AppInstance, error) {
	out, err := call(ctx, c, Call{Instance: instance}, c.identity.DescribeAppInstance,
		&chimesdkidentity.DescribeAppInstanceInput{AppInstanceArn: (*string)(&instance)})
	if err != nil || out.AppInstance == nil {
		return AppInstance{}, err
	}
	a := out.AppInstance
	return AppInstance{ARN: arn.ARN(aws.ToString(a.AppInstanceArn)), Name: aws.ToString(a.Name), Created: aws.ToTime(a.CreatedTimestamp)}, nil
}

// ListAppInstances reads one page of the account's app instances. next is "" for the first page.
func (c *Client) ListAppInstances(ctx context.Context, next string) (Page[AppInstance], error) {
	out, err := call(ctx, c, Call{}, c.identity.ListAppInstances,
		&chimesdkidentity.ListAppInstancesInput{MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	if err != nil {
		return Page[AppInstance]{}, err
	}
	p := Page[AppInstance]{Next: aws.ToString(out.NextToken)}
	for _, a := range out.AppInstances {
		p.Items = append(p.Items, AppInstance{ARN: arn.ARN(aws.ToString(a.AppInstanceArn)), Name: aws.ToString(a.Name)})
	}
	return p, nil
}

// FindAppInstance looks through all pages for an app instance of exactly this name. Names are not unique at the
// provider; the first one wins.
func (c *Client) FindAppInstance(ctx context.Context, name string) (found arn.ARN, ok bool, err error) {
	for next := ""; ; {
		p, err := c.ListAppInstances(ctx, next)
		if err != nil {
			return "", false, err
		}
		for _, a := range p.Items {
			if a.Name == name {
				return a.ARN, true, nil
			}
		}
		if next = p.Next; next == "" {
			return "", false, nil
		}
	}
}

// DeleteAppInstance deletes an app instance with everything inside.
func (c *Client) DeleteAppInstance(ctx context.Context, instance arn.ARN) error {
	_, err := call(ctx, c, Call{Instance: instance}, c.identity.DeleteAppInstance,
		&chimesdkidentity.DeleteAppInstanceInput{AppInstanceArn: (*string)(&instance)})
	return err
}

// CreateUser makes a chat account with an id of ours. A repeat with the same name succeeds; with another name it may be
// a Conflict, which means that the account exists. name has 1–100 characters.
func (c *Client) CreateUser(ctx context.Context, instance arn.ARN, userID, name, clientToken string) (arn.ARN, error) {
	out, err := call(ctx, c, Call{Instance: instance, User: instance.User(userID)}, c.identity.CreateAppInstanceUser,
		&chimesdkidentity.CreateAppInstanceUserInput{AppInstanceArn: (*string)(&instance), AppInstanceUserId: &userID,
			Name: &name, ClientRequestToken: token(clientToken)})
	if err != nil {
		return "", err
	}
	return arn.ARN(aws.ToString(out.AppInstanceUserArn)), nil
}

// RenameUser gives a chat account another display name.
func (c *Client) RenameUser(ctx context.Context, user arn.ARN, name string) error {
	// Metadata is required by the model; we keep none.
	_, err := call(ctx, c, Call{User: user}, c.identity.UpdateAppInstanceUser,
		&chimesdkidentity.UpdateAppInstanceUserInput{AppInstanceUserArn: (*string)(&user), Name: &name, Metadata: aws.String("")})
	return err
}

// DeleteUser deletes a chat account. What it wrote stays in its channels.
func (c *Client) DeleteUser(ctx context.Context, user arn.ARN) error {
	_, err := call(ctx, c, Call{User: user}, c.identity.DeleteAppInstanceUser,
		&chimesdkidentity.DeleteAppInstanceUserInput{AppInstanceUserArn: (*string)(&user)})
	return err
}

// DescribeUser reads a chat account. One that does not exist is Denied with CodeForbidden; there is no 404.
func (c *Client) DescribeUser(ctx context.Context, user arn.ARN) (User, error) {
	out, err := call(ctx, c, Call{User: user}, c.identity.DescribeAppInstanceUser,
		&chimesdkidentity.DescribeAppInstanceUserInput{AppInstanceUserArn: (*string)(&user)})
	if err != nil || out.AppInstanceUser == nil {
		return User{}, err
	}
	return User{ARN: arn.ARN(aws.ToString(out.AppInstanceUser.AppInstanceUserArn)), Name: aws.ToString(out.AppInstanceUser.Name)}, nil
}

// ListUsers reads one page of an app instance's chat accounts. next is "" for the first page.
func (c *Client) ListUsers(ctx context.Context, instance arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, Call{Instance: instance}, c.identity.ListAppInstanceUsers,
		&chimesdkidentity.ListAppInstanceUsersInput{AppInstanceArn: (*string)(&instance),
			MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	if err != nil {
		return Page[User]{}, err
	}
	p := Page[User]{Next: aws.ToString(out.NextToken)}
	for _, u := range out.AppInstanceUsers {
		p.Items = append(p.Items, User{ARN: arn.ARN(aws.ToString(u.AppInstanceUserArn)), Name: aws.ToString(u.Name)})
	}
	return p, nil
}

// CreateAdmin makes a chat account an admin of its app instance: it may act in every channel.
func (c *Client) CreateAdmin(ctx context.Context, instance, user arn.ARN) error {
	_, err := call(ctx, c, Call{Instance: instance, User: user}, c.identity.CreateAppInstanceAdmin,
		&chimesdkidentity.CreateAppInstanceAdminInput{AppInstanceArn: (*string)(&instance), AppInstanceAdminArn: (*string)(&user)})
	return err
}

// DeleteAdmin takes the admin's rights away; the chat account stays.
//
// Errors: Denied CodeForbidden for somebody who is no admin and an app instance that does not exist, Conflict.
func (c *Client) DeleteAdmin(ctx context.Context, instance, user arn.ARN) error {
	_, err := call(ctx, c, Call{Instance: instance, User: user}, c.identity.DeleteAppInstanceAdmin,
		&chimesdkidentity.DeleteAppInstanceAdminInput{AppInstanceArn: (*string)(&instance), AppInstanceAdminArn: (*string)(&user)})
	return err
}

// ListAdmins reads one page of an app instance's admins. next is "" for the first page.
//
// Errors: Denied CodeForbidden for an app instance that does not exist.
func (c *Client) ListAdmins(ctx context.Context, instance arn.ARN, next string) (Page[User], error) {
	out, err := call(ctx, c, Call{Instance: instance}, c.identity.ListAppInstanceAdmins,
		&chimesdkidentity.ListAppInstanceAdminsInput{AppInstanceArn: (*string)(&instance), MaxResults: aws.Int32(maxPage), NextToken: url(next)})
	if err != nil {
		return Page[User]{}, err
	}
	p := Page[User]{Next: aws.ToString(out.NextToken)}
	for _, a := range out.AppInstanceAdmins {
		if i := a.Admin; i != nil {
			p.Items = append(p.Items, User{ARN: arn.ARN(aws.ToString(i.Arn)), Name: aws.ToString(i.Name)})
		}
	}
	return p, nil
}
