// Entry of every page: styles, htmx and the shell's behaviour.
import "@tabler/core/dist/css/tabler.min.css";
import "./shell.css";
