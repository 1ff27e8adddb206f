
ByJ0IwU§ªƒt{‘Q|vƒŒ|§fzª^¥¢M“€x†ªq€¦Nrqw¡—¨p†Œ