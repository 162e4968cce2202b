test_that("this machine is a compute target from the start", {
  skip_unless_ready()
  ws <- create_workspace(file.path(withr::local_tempdir(), "lab"), show_output = FALSE)
  here <- get_compute(ws, "local")
  expect_output(print(here), "<compute target local: this machine>", fixed = TRUE)
  expect_null(get_compute(ws, "vm"))
  found <- list_computes(ws)
  expect_identical(found$name, "local")
  expect_identical(found$active_runs, 0L)
  expect_gt(list_nodes_in_compute(here)$memory, 0)
  expect_error(detach_compute(here), class = "tandemlab_error_invalid_state")
  expect_error(list_nodes_in_compute(ws), class = "tandemlab_error_invalid_input")
  expect_error(clean_compute(get_compute(ws, "local")), class = "tandemlab_error_invalid_state")
  expect_error(clean_compute(get_compute(ws, "local"), -1), "unused_days")
})

test_that("a machine that cannot be used is not attached, and its password is not shown", {
  skip_unless_ready()
  ws <- create_workspace(file.path(withr::local_tempdir(), "lab"), show_output = FALSE)
  error <- expect_error(
    attach_remote_compute(
      ws, "vm", "127.0.0.1",
      ssh_port = 1L, username = "ana", password = "tiger-7f3a-plain"
    ),
    class = "tandemlab_error_unavailable"
  )
  expect_false(grepl("tiger-7f3a-plain", conditionMessage(error), fixed = TRUE))
  expect_null(get_compute(ws, "vm"))
  expect_error(
    attach_remote_compute(ws, "local", "127.0.0.1"),
    class = "tandemlab_error_invalid_input"
  )
})

test_that("a cluster of Slurm is attached where sbatch is on this machine", {
  skip_unless_ready()
  skip_if(Sys.which("sbatch") == "", "Slurm is not installed")
  ws <- create_workspace(file.path(withr::local_tempdir(), "lab"), show_output = FALSE)
  cluster <- attach_slurm_compute(
    ws, "cluster",
    directory = withr::local_tempdir(), partition = "short", memory = "500MB",
    options = "--nice=10", tags = list(team = "lab")
  )
  expect_identical(list_computes(ws)$kind, c("local", "slurm"))
  expect_identical(list_computes(ws)$slots[[2]], NA_integer_)
  detach_compute(cluster)
  expect_null(get_compute(ws, "cluster"))
  expect_error(
    attach_slurm_compute(ws, "cluster", options = "rm -r"),
    class = "tandemlab_error_invalid_input"
  )
})

test_that("Spark is attached where it is found, and says what is missing where it is not", {
  skip_unless_ready()
  ws <- create_workspace(file.path(withr::local_tempdir(), "lab"), show_output = FALSE)
  expect_error(
    attach_spark_compute(ws, "spark", "local[1]", spark_home = withr::local_tempdir()),
    "There is no bin/spark-submit",
    class = "tandemlab_error_missing_dependency"
  )
  expect_error(
    attach_spark_compute(ws, "spark", "local[1]", spark = list(deploy_mode = "cluster")),
    "Cluster deploy mode is not compatible with master",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(
    attach_spark_compute(ws, "spark", "local[1]", spark = list(py_files = "a.py")), "`spark`"
  )
  home <- Sys.glob("../../.build/spark-*/lib/python*/site-packages/pyspark")
  skip_if(length(home) == 0 || Sys.which("java") == "", "Spark is not installed")
  spark <- attach_spark_compute(
    ws, "spark", "local[1]",
    spark_home = normalizePath(home[[1]]), directory = withr::local_tempdir(),
    spark = list(configuration = list("spark.ui.enabled" = FALSE), executor_memory = "1 GB")
  )
  expect_output(print(spark), "<compute target spark: local[1] from this machine>", fixed = TRUE)
  steps <- check_compute(spark)
  expect_true(all(steps$ok[steps$step %in% c("Spark", "Java")]))
  expect_gt(list_nodes_in_compute(spark)$cpus, 0)
})

test_that("a cluster of Ray that does not answer is not attached, and its token is not shown", {
  skip_unless_ready()
  ws <- create_workspace(file.path(withr::local_tempdir(), "lab"), show_output = FALSE)
  error <- expect_error(
    attach_ray_compute(ws, "ray", "127.0.0.1:1", token = "tiger-7f3a-plain"),
    class = "tandemlab_error_unavailable"
  )
  expect_false(grepl("tiger-7f3a-plain", conditionMessage(error), fixed = TRUE))
  expect_null(get_compute(ws, "ray"))
  for (address in c("ray://head:10001", "http://ana:pw@head")) {
    expect_error(attach_ray_compute(ws, "ray", address), class = "tandemlab_error_invalid_input")
  }
})

test_that("the file of a cluster of Ray is written where Ray takes it", {
  skip_unless_ready()
  folder <- withr::local_tempdir()
  file <- file.path(folder, "lab.yaml")
  expect_error(write_ray_cluster(file, "lab"), class = "tandemlab_error_invalid_input")
  expect_error(write_ray_cluster(file, "lab", head = "a", sections = list(1)), "`sections`")
  written <- tryCatch(
    write_ray_cluster(
      file, "lab",
      provider = list(type = "aws", region = "eu-central-1"), min_nodes = 1, max_nodes = 3,
      idle_seconds_before_scaledown = 600, node_config = list(InstanceType = "m5.large"),
      sections = list(setup_commands = list("pip install ray"))
    ),
    tandemlab_error_missing_dependency = function(error) skip("Ray is not installed")
  )
  lines <- readLines(written)
  expect_true(all(
    c("cluster_name: lab", "max_workers: 3", "idle_timeout_minutes: 10.0", "- pip install ray") %in%
      lines
  ))
  expect_error(
    write_ray_cluster(file, "lab", head = "10.0.0.1", sections = list(setup = list())),
    "'setup' was unexpected",
    class = "tandemlab_error_invalid_input"
  )
  write_ray_cluster(
    file, "lab",
    head = "10.0.0.1", workers = c("10.0.0.2", "10.0.0.3"), cpus = 8, username = "ana"
  )
  expect_true(all(c("max_workers: 2", "      CPU: 8", "  ssh_user: ana") %in% readLines(file)))
  expect_identical(dir(folder, all.files = TRUE, no.. = TRUE), "lab.yaml")
})

test_that("a cluster that cannot be made says why, and is forgotten", {
  skip_unless_ready()
  ws <- create_workspace(file.path(withr::local_tempdir(), "lab"), show_output = FALSE)
  expect_error(
    create_ray_compute(ws, "pool", head = "127.0.0.1", workers = "127.0.0.2"),
    "knows what a worker has",
    class = "tandemlab_error_invalid_input"
  )
  here <- get_compute(ws, "local")
  expect_error(update_ray_compute(here, min_nodes = 1), class = "tandemlab_error_invalid_state")
  expect_identical(wait_for_provisioning_completion(here)$provisioning_state, "Succeeded")
  pool <- tryCatch(
    create_ray_compute(
      ws, "pool",
      head = "127.0.0.1", max_nodes = 0, username = "nobody", host_key = "ssh-ed25519 AAAA",
      idle_seconds_before_scaledown = 60, tags = list(team = "lab")
    ),
    tandemlab_error_missing_dependency = function(error) skip("Ray is not installed")
  )
  expect_identical(pool$provisioning_state, "Creating")
  expect_identical(pool$max_nodes, 0L)
  expect_error(wait_for_provisioning_completion(pool), class = "tandemlab_error_invalid_state")
  failed <- get_compute(ws, "pool")
  expect_identical(failed$provisioning_state, "Failed")
  expect_identical(failed$idle_seconds_before_scaledown, 60)
  detach_compute(failed)
  expect_null(get_compute(ws, "pool"))
})
