// One node under PM2: `pm2 start deploy/pm2/ecosystem.config.js`. The names are those of the Loosh miner's own file, so
// that scripts around it keep working:
//
//   MINER_WORKDIR       where the .env file is, and where logs/ will be (default: the current folder)
//   PYTHON_INTERPRETER  a Python that has subnet-console (default: .venv of this checkout, else python3)
//   API_HOST, API_PORT  where the miner listens, as in .env
//   ROLE                miner (default) or validator
const fs = require("node:fs");
const path = require("node:path");

const checkout = path.resolve(__dirname, "..", "..");
const workdir = path.resolve(process.env.MINER_WORKDIR || process.cwd());
const role = process.env.ROLE || "miner";

function python() {
  const ours = path.join(checkout, ".venv", "bin", "python");
  const chosen = process.env.PYTHON_INTERPRETER || (fs.existsSync(ours) ? ours : "python3");
  return chosen.includes(path.sep) ? path.resolve(workdir, chosen) : chosen;
}

const log = (what) => path.join(workdir, "logs", `${role}-${what}.log`);
const given = Object.fromEntries(["API_HOST", "API_PORT"].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));

module.exports = {
  apps: [
    {
      name: `loosh-inference-${role}`,
      script: python(),
      interpreter: "none",
      args: ["-m", "console", "launch", "--no-ui", "--role", role],
      cwd: workdir,
      env: { PYTHONUNBUFFERED: "1", ...given },
      // Wrong settings, a hotkey that is not registered and one that another process holds do not mend themselves.
      stop_exit_codes: [0, 2, 3, 4],
      exp_backoff_restart_delay: 1000,
      // It puts its record in order within 3 s; only then is it killed.
      kill_timeout: 10000,
      max_memory_restart: "8G",
      error_file: log("error"),
      out_file: log("out"),
      log_file: log("combined"),
      merge_logs: true,
      log_date_format: "YYYY-MM-DD HH:mm:ss Z",
    },
  ],
};
