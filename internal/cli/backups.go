package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

func (c *program) backupCreate() *cobra.Command {
	var (
		wait waitOptions
		live bool
	)
	cmd := &cobra.Command{
		Use:     "backup:create [ENVIRONMENT]",
		Aliases: []string{"backup", "snapshot:create"},
		Short:   "Back up an environment",
		Long: "Backs up the data of an environment: its services and mounts as of one moment, with its variables, routes and the commit " +
			"of its code. The environment stands still for a moment while the data is copied, and is free while the copy is saved.",
		Args: positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.environment = args[0]
			}
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			activities, err := s.CreateBackup(cmd.Context(), s.project, s.env, apiv1.BackupCreate{Safe: !live})
			if err != nil {
				return err
			}
			if wait.wait && !wait.noWait {
				if err := c.finish(cmd.Context(), s, activities, wait); err != nil {
					return err
				}
			}
			return printIDs(c, activities, func(a apiv1.Activity) string { return string(a.Payload.BackupName) })
		},
	}
	wait.addFlags(cmd)
	cmd.Flags().BoolVar(&live, "live", false, "mark it as live; every backup is of one moment, so nothing else differs")
	return cmd
}

func (c *program) backupList() *cobra.Command {
	var (
		opts  tableOptions
		limit int
	)
	cmd := &cobra.Command{
		Use:     "backup:list",
		Aliases: []string{"backups", "snapshots", "snapshot:list"},
		Short:   "List the backups of an environment",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.selectEnvironment(cmd.Context())
			if err != nil {
				return err
			}
			list, err := s.Backups(cmd.Context(), s.project, s.env)
			if err != nil {
				return err
			}
			if limit > 0 {
				list = list[:min(limit, len(list))]
			}
			type b = apiv1.Backup
			return printTable(c, opts, []column[b]{
				{name: "created_at", title: "Created", value: func(b b) string { return when(b.CreatedAt) }},
				{name: "id", title: "Backup ID", value: func(b b) string { return b.ID }},
				{name: "restorable", title: "Restorable", value: func(b b) string { return strconv.FormatBool(b.Restorable) }},
				{name: "automated", title: "Automated", hidden: true, value: func(b b) string { return strconv.FormatBool(b.Automated) }},
				{name: "commit_id", title: "Commit ID", hidden: true, value: func(b b) string { return string(b.CommitID) }},
				{name: "expires_at", title: "Expires", hidden: true, value: func(b b) string { return when(b.ExpiresAt) }},
				{name: "index", title: "Index", hidden: true, value: func(b b) string { return strconv.Itoa(b.Index) }},
				{name: "live", title: "Live", hidden: true, value: func(b b) string { return strconv.FormatBool(!b.Safe) }},
				{name: "status", title: "Status", hidden: true, value: func(b b) string { return b.Status }},
				{name: "updated_at", title: "Updated", hidden: true, value: func(b b) string { return when(b.UpdatedAt) }},
				{name: "size", title: "Size (MB)", value: func(b b) string { return megabytes(b.SizeVolumes) }},
				{name: "added", title: "Added (MB)", value: func(b b) string { return megabytes(b.SizeUsed) }},
				{name: "reason", title: "Reason", value: func(b b) string { return b.Reason }},
				{name: "verified", title: "Verified", hidden: true, value: func(b b) string { return when(b.VerifiedAt) }},
			}, list)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "how many, the newest; 0 for all")
	return cmd
}

// megabytes are of 2^20 bytes, as in the configuration files and in the server's messages.
func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

// onBackup is a command about one backup, the newest when none is named.
func (c *program) onBackup(cmd *cobra.Command, run func(ctx context.Context, s selection, b apiv1.Backup) error) *cobra.Command {
	cmd.Args = positional(cobra.MaximumNArgs(1))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := c.selectEnvironment(cmd.Context())
		if err != nil {
			return err
		}
		if len(args) == 1 {
			b, err := s.Backup(cmd.Context(), s.project, s.env, args[0])
			if err != nil {
				return err
			}
			return run(cmd.Context(), s, b)
		}
		list, err := s.Backups(cmd.Context(), s.project, s.env)
		if err != nil {
			return err
		}
		for _, b := range list {
			if b.Restorable {
				return run(cmd.Context(), s, b)
			}
		}
		return fail(ExitFailure, "make one: sluice backup:create", "environment %s has no backup", s.env)
	}
	return cmd
}

func (c *program) backupGet() *cobra.Command {
	var opts infoOptions
	cmd := c.onBackup(&cobra.Command{
		Use:     "backup:get [BACKUP]",
		Aliases: []string{"snapshot:get"},
		Short:   "Show a backup, the newest if none is named",
	}, func(_ context.Context, _ selection, b apiv1.Backup) error {
		return printInfo(c, opts, b, []property{
			{"id", b.ID},
			{"environment", b.Environment},
			{"created_at", when(b.CreatedAt)},
			{"expires_at", when(b.ExpiresAt)},
			{"status", b.Status},
			{"restorable", strconv.FormatBool(b.Restorable)},
			{"live", strconv.FormatBool(!b.Safe)},
			{"automated", strconv.FormatBool(b.Automated)},
			{"reason", b.Reason},
			{"commit_id", string(b.CommitID)},
			{"release", string(b.Release)},
			{"files", strconv.FormatInt(b.Files, 10)},
			{"size_of_volumes", strconv.FormatInt(b.SizeVolumes, 10)},
			{"size_used", strconv.FormatInt(b.SizeUsed, 10)},
			{"verified_at", when(b.VerifiedAt)},
			{"verified", b.Verified},
		})
	})
	opts.addFlags(cmd)
	return cmd
}

func (c *program) backupRestore() *cobra.Command {
	var (
		wait         waitOptions
		target, from string
		noCode, keep bool
	)
	cmd := c.onBackup(&cobra.Command{
		Use:     "backup:restore [BACKUP]",
		Aliases: []string{"snapshot:restore"},
		Short:   "Restore a backup, the newest if none is named",
		Long: "Replaces the data of an environment by that of a backup and deploys the backup's code, with its deploy hook, on it. " +
			"What was there before is put back when that fails. The branch and the variables stay as they are. A target that does not exist is " +
			"branched. Production's data is sanitised in any other environment.",
		Example: "  sluice backup:restore --target staging",
	}, func(ctx context.Context, s selection, b apiv1.Backup) error {
		to := firstOf(target, s.env)
		if err := c.confirm("This replaces the data of the environment %s of %s by that of backup %s of %s.", to, s.project, b.ID, s.env); err != nil {
			return err
		}
		code := !noCode
		activities, err := s.RestoreBackup(ctx, s.project, s.env, b.ID, apiv1.BackupRestore{EnvironmentName: to, BranchFrom: from, RestoreCode: &code, KeepPersonalData: keep})
		if err != nil {
			return err
		}
		return c.finish(ctx, s, activities, wait)
	})
	wait.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&target, "target", "", "the environment to restore to (default: the backup's own)")
	f.StringVar(&from, "branch-from", "", "the environment that a new target is branched from (default: the backup's own)")
	addKeepFlag(cmd, &keep)
	f.BoolVar(&noCode, "no-code", false, "restore the data only; the target's code stays")
	return cmd
}

func (c *program) backupDelete() *cobra.Command {
	var wait waitOptions
	cmd := c.onBackup(&cobra.Command{
		Use:     "backup:delete BACKUP",
		Aliases: []string{"snapshot:delete"},
		Short:   "Delete a backup",
	}, func(ctx context.Context, s selection, b apiv1.Backup) error {
		if err := c.confirm("This deletes backup %s of the environment %s of %s.", b.ID, s.env, s.project); err != nil {
			return err
		}
		activities, err := s.DeleteBackup(ctx, s.project, s.env, b.ID)
		if err != nil {
			return err
		}
		return c.finish(ctx, s, activities, wait)
	})
	cmd.Args = positional(cobra.ExactArgs(1))
	wait.addFlags(cmd)
	return cmd
}

func (c *program) backupVerify() *cobra.Command {
	var wait waitOptions
	cmd := c.onBackup(&cobra.Command{
		Use:   "backup:verify [BACKUP]",
		Short: "Check a backup: restore it apart, compare its files, start its services",
		Long: "Restores a backup to a scratch environment that nothing reaches, compares every file with what was saved, starts the services " +
			"on the data and counts the rows of each table. Nothing of it is left.",
	}, func(ctx context.Context, s selection, b apiv1.Backup) error {
		activities, err := s.VerifyBackup(ctx, s.project, s.env, b.ID)
		if err != nil {
			return err
		}
		return c.finish(ctx, s, activities, wait)
	})
	wait.addFlags(cmd)
	return cmd
}

func (c *program) backupDownload() *cobra.Command {
	var file string
	cmd := c.onBackup(&cobra.Command{
		Use:   "backup:download [BACKUP]",
		Short: "Download a backup as a tar archive, the newest if none is named",
		Long: "Downloads the files of a backup as they lie in the services' and the mounts' directories, with manifest.json. " +
			"An existing file is replaced only by a complete archive.",
	}, func(ctx context.Context, s selection, b apiv1.Backup) error {
		target := firstOf(file, s.project+"--"+b.ID+".tar")
		if err := c.confirmReplacement(target); err != nil {
			return err
		}
		c.note("Downloading backup %s to %s", b.ID, target)
		return writeWhole(target, func(w io.Writer) error {
			body, err := s.DownloadBackup(ctx, s.project, s.env, b.ID)
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			if _, err := io.Copy(w, body); err != nil {
				return &apiv1.ConnectionError{URL: s.Server(), Err: err}
			}
			return nil
		})
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file to write")
	return cmd
}

// confirmReplacement asks whether a file may be replaced, if there is one.
func (c *program) confirmReplacement(target string) error {
	if _, err := os.Lstat(target); err != nil {
		return nil //nolint:nilerr // writeWhole says what is wrong with the place
	}
	return c.confirm("The file %s exists and will be replaced.", target)
}

// writeWhole writes a file beside its place, and moves it there when it is complete.
func writeWhole(target string, write func(io.Writer) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return fail(ExitFailure, "choose another place", "could not write the file: %v", err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // gone once it was renamed
	if err := errors.Join(write(temporary), temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), target); err != nil {
		return fail(ExitFailure, "", "could not write the file: %v", err)
	}
	return nil
}
