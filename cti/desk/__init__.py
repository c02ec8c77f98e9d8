"""What agents leave behind beside calls: reasons of breaks, dispositions, wrap-ups, work dealt with."""
