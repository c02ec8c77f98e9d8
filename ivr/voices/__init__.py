"""The voice library (CTI-V1 to V4): a tenant's recordings for flows, reviewed, stored as the switch plays them best."""
