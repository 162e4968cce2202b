# Known workspaces and built environments of the tests' own, set before Python starts and reads it.
withr::local_envvar(
  TANDEMLAB_CONFIG_DIR = withr::local_tempdir(.local_envir = teardown_env()),
  TANDEMLAB_CACHE_DIR = withr::local_tempdir(.local_envir = teardown_env()),
  .local_envir = teardown_env()
)
